# SPDX-License-Identifier: GPL-2.0-or-later
# Tests, lint, fuzzers, benchmarks.

TEST_BINS := $(addprefix $(BUILD)/tests/,$(UNIT_TESTS))

$(BUILD)/tests/%: tests/unit/%.c $(call archives,ctl loader capture build auth pe dump conf crashkernel util base)
	@mkdir -p $(@D)
	$(if $(Q),@echo '  TEST    $@')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion -MMD -MP $< -o $@ $(ALL_LDFLAGS) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_tests)

check-unit: $(TEST_BINS) ## cmocka unit tests
	@for t in $(TEST_BINS); do $$t || exit 1; done
.PHONY: check-unit
