# SPDX-License-Identifier: GPL-2.0-or-later
# Tests, lint, fuzzers, benchmarks.

TEST_BINS := $(addprefix $(BUILD)/tests/,$(UNIT_TESTS))

# A test links its fixtures and the components it names in TEST_<name>, by default all. build takes
# its parsers of URLs and keys from upload.
define test_rule
$(BUILD)/tests/$(1): tests/unit/$(1).c $(addprefix tests/unit/,$(FIXTURES_$(1))) \
		$(call archives,$(or $(TEST_$(1)),ctl loader capture store triage build auth pe dump conf crashkernel util base) \
		$(if $(filter build,$(TEST_$(1))),upload))
	@mkdir -p $$(@D)
	$(if $(Q),@echo '  TEST    $$@')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion -MMD -MP $$(filter %.c,$$^) -o $$@ \
		$(ALL_LDFLAGS) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LIBS_tests)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call test_rule,$(t))))

# Each runs as soon as it is linked; with -j several at a time, with -O none prints into another's text.
RUN_TESTS := $(addprefix run-,$(UNIT_TESTS))
check-unit: $(RUN_TESTS) ## cmocka unit tests; one alone: run-test_NAME
$(RUN_TESTS): run-%: $(BUILD)/tests/%
	@$<
.PHONY: check-unit $(RUN_TESTS)

# On a fresh machine nothing of what is built from here on exists before the packages are there,
# so the work is done by a second make that looks for them anew.
check: ## all tests: install what they need, build, run (the README's test command)
	@scripts/install-deps
	@+$(MAKE) --no-print-directory all
	@$(PYTHON) scripts/check

check-all: ## check, differential, the package built on each Debian, the long VM tests (hours)
	@scripts/install-deps
	@+$(MAKE) --no-print-directory all
	@$(PYTHON) scripts/check --long

check-cli: all ## command line tests (pytest)
	BUILD=$(BUILD) $(PYTHON) -m pytest -q tests/cli $(PYTEST_ARGS)

check-vm: all ## tests in virtual machines (pytest)
	PYTHONPATH=tests/vm $(PYTHON) -m vmbed
	BUILD=$(BUILD) $(PYTHON) -m pytest -q tests/vm $(PYTEST_ARGS)

# Our verdict about mutants of signed images beside everybody else's; tests/differential/README.md.
N_SMALL ?= 20000
N_REAL ?= 200
N_GUEST ?= 500
SEED ?= 1
differential: all ## mutants of signed images: our verdict, sbverify's, osslsigncode's, the kernel's
	BUILD=$(BUILD) $(PYTHON) tests/differential --small $(N_SMALL) --real $(N_REAL) \
		--guest $(N_GUEST) --seed $(SEED)

demo: ## boot a Debian 13 guest, crash it, show the dump
	@scripts/install-deps
	@+$(MAKE) --no-print-directory all man
	@PYTHONPATH=tests/vm $(PYTHON) scripts/demo

# libFuzzer (clang). Seeds are generated, corpora grow in build/cache/corpus; what crashed a fuzzer is
# kept beside it. Objects of their own, since the instrumentation goes into every parser.
FUZZ_S ?= 60
FUZZERS := fuzz_cert fuzz_conf fuzz_dump fuzz_flat fuzz_kallsyms fuzz_migrate fuzz_pe fuzz_pkcs7 fuzz_printk \
	fuzz_profile fuzz_s3reply fuzz_sbat fuzz_siglist fuzz_stub fuzz_triage
FUZZ_FLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_OBJ := $(BUILD)/fuzz/obj
FUZZ_SOURCES := $(foreach c,base util conf migrate pe auth dump triage,$(addprefix $(c)/,$(SRC_$(c)))) \
	$(addprefix stub/,plan.c crash.c) $(addprefix upload/,xml.c s3reply.c)
FUZZ_OBJECTS := $(addprefix $(FUZZ_OBJ)/,$(FUZZ_SOURCES:.c=.o))

$(FUZZ_OBJ)/%.o: src/%.c mk/tests.mk mk/flags.mk
	@mkdir -p $(@D)
	$(Q)clang $(ALL_CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP \
		-c $< -o $@

$(BUILD)/fuzz/liball.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/fuzz/liball.a
	$(if $(Q),@echo '  FUZZER  $@')
	$(Q)clang $(ALL_CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined $^ -o $@ \
		$(LIBS_crypto) $(LIBS_kdump)

# Seeds: generated ones, those of real files if the machine has some, and what once crashed a fuzzer.
define make_seeds
@mkdir -p $(addprefix $(1)/,$(FUZZERS))
@cp config/ukdump.conf $(1)/fuzz_conf
@cd tests/cli/golden/import; i=0; for f in */etc/kdump.conf */etc/*/kdump*; do i=$$((i + 1)); \
	case $$f in *.conf) c='\201' ;; f*) c='\000' ;; d*) c='\001' ;; *) c='\002' ;; esac; \
	[ ! -f $$f ] || { printf $$c; cat $$f; } > $(abspath $(1))/fuzz_migrate/$$i; done
@$(PYTHON) tests/gen/dump.py $(1)/fuzz_dump $(1)/fuzz_flat
@$(PYTHON) tests/gen/corpus.py $(BUILD) $(1) $(2)
endef

FUZZ_JOBS ?= 2
fuzz: $(addprefix $(BUILD)/fuzz/,$(FUZZERS)) $(BUILD)/ukdumpctl ## fuzzers (clang), FUZZ_S seconds each [60]
	$(call make_seeds,$(CACHE)/corpus,$(CACHE))
	@scripts/fuzz $(FUZZ_S) $(FUZZ_JOBS) $(BUILD)/fuzz $(CACHE)/corpus $(FUZZERS)

# The same inputs through the same targets, built like everything else.
$(BUILD)/replay/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c src/stub/plan.c src/stub/crash.c \
		$(call archives,auth pe dump triage upload migrate conf util base)
	@mkdir -p $(@D)
	$(if $(Q),@echo '  REPLAY  $@')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion $(filter %.c,$^) -o $@ $(ALL_LDFLAGS) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_crypto) $(LIBS_kdump)

check-replay: $(addprefix $(BUILD)/replay/,$(FUZZERS)) $(BUILD)/ukdumpctl ## seeds and old crashes through every fuzz target
	@rm -rf $(BUILD)/replay/seeds
	$(call make_seeds,$(BUILD)/replay/seeds)
	@for f in $(FUZZERS); do \
		$(BUILD)/replay/$$f $(BUILD)/replay/seeds/$$f 2>$(BUILD)/replay/$$f.log || \
			{ tail -n 30 $(BUILD)/replay/$$f.log; exit 1; }; done
.PHONY: fuzz check-replay

-include $(FUZZ_OBJECTS:.o=.d)

bench: all ## timings of verify and list, most of them beside a peer in the same run
	$(PYTHON) tests/bench/verify.py
	$(PYTHON) tests/bench/list.py
	$(PYTHON) tests/bench/list_s3.py

# One kind, or several: make measure-crashkernel KINDS="'local disk, ext4'"
measure-crashkernel: all ## smallest crashkernel= per kind of target, in guests: docs/SIZING.md
	BUILD=$(BUILD) $(PYTHON) tests/bench/crashkernel.py $(KINDS)

bench-capture: all ## panic to reboot against a classic dracut initrd, in guests: docs/BENCH.md
	BUILD=$(BUILD) $(PYTHON) tests/bench/capture.py
	BUILD=$(BUILD) $(PYTHON) tests/bench/settings.py

capture-tables: all ## which dumps arrive, what faults come to, in guests (45 min): docs/FAULTS.md
	BUILD=$(BUILD) $(PYTHON) tests/bench/capture_tables.py

lint: all ## formatting, layers, shell and C checkers
	@BUILD=$(BUILD) scripts/lint

format: ## format the C sources in place
	clang-format -i $$(git ls-files '*.c' '*.h' ':!tests/vm')

.PHONY: check check-all check-cli check-vm demo differential bench measure-crashkernel bench-capture capture-tables \
	lint format
