# SPDX-License-Identifier: GPL-2.0-or-later
# Tests, lint, fuzzers, benchmarks.

TEST_BINS := $(addprefix $(BUILD)/tests/,$(UNIT_TESTS))

# A test links its fixtures and the components it names in TEST_<name>, by default all.
define test_rule
$(BUILD)/tests/$(1): tests/unit/$(1).c $(addprefix tests/unit/,$(FIXTURES_$(1))) \
		$(call archives,$(or $(TEST_$(1)),ctl loader capture build auth pe dump conf crashkernel util base))
	@mkdir -p $$(@D)
	$(if $(Q),@echo '  TEST    $$@')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion -MMD -MP $$(filter %.c,$$^) -o $$@ \
		$(ALL_LDFLAGS) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LIBS_tests)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call test_rule,$(t))))

check-unit: $(TEST_BINS) ## cmocka unit tests
	@for t in $(TEST_BINS); do $$t || exit 1; done
.PHONY: check-unit
