# SPDX-License-Identifier: GPL-2.0-or-later
# How to compile and link. One static archive per component; programs name the ones they may use.

OBJ := $(BUILD)/obj
LIB := $(BUILD)/lib

objects = $(addprefix $(OBJ)/$(1)/,$(addsuffix .o,$(basename $(SRC_$(1)))))
# main.o is a program's own and stays out of the archive that unit tests link.
archive_objects = $(filter-out %/main.o,$(call objects,$(1)))
archives = $(foreach c,$(1),$(LIB)/lib$(c).a)

# Rebuilt when flags change.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))' | \
		cmp -s - $@ || echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))' > $@
FORCE:
.PHONY: FORCE

$(OBJ)/%.o: src/%.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC      $<')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(OBJ)/%.o: src/%.S $(BUILD)/.flags
	@mkdir -p $(@D)
	$(if $(Q),@echo '  AS      $<')
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define component_rule
$(LIB)/lib$(1).a: $(call archive_objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcsD $$@ $$^
endef
$(foreach c,$(COMPONENTS),$(eval $(call component_rule,$(c))))

define program_rule
$(BUILD)/$(1): $(OBJ)/$(firstword $(PROGRAM_$(1)))/main.o $(call archives,$(PROGRAM_$(1)))
	$(if $(Q),@echo '  LD      $$@')
	$(Q)$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1))
endef
$(foreach p,$(PROGRAM_NAMES),$(eval $(call program_rule,$(p))))

# The kexec stub: base and stub sources compiled freestanding, linked, checked, made a flat blob.
STUB := $(BUILD)/stub
STUB_OBJECTS := $(addprefix $(STUB)/stub/,$(addsuffix .o,$(basename $(SRC_stub)))) \
	$(addprefix $(STUB)/base/,$(addsuffix .o,$(basename $(SRC_base))))

$(STUB)/%.o: src/%.c mk/flags.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC      $< (stub)')
	$(Q)$(CC) $(STUB_CFLAGS) -MMD -MP -ffunction-sections -c $< -o $@

$(STUB)/%.o: src/%.S mk/flags.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo '  AS      $< (stub)')
	$(Q)$(CC) $(STUB_CFLAGS) -MMD -MP -c $< -o $@

$(STUB)/stub.elf: $(STUB_OBJECTS) src/stub/stub.lds scripts/check-stub
	$(if $(Q),@echo '  LD      $@')
	$(Q)$(CC) $(STUB_LDFLAGS) -Wl,-T,src/stub/stub.lds -o $@ $(STUB_OBJECTS)
	$(Q)scripts/check-stub $@

$(STUB)/stub.bin: $(STUB)/stub.elf
	$(Q)$(OBJCOPY) -O binary $< $@

$(OBJ)/build/stub_blob.o: $(STUB)/stub.bin
$(OBJ)/build/stub_blob.o: ALL_CPPFLAGS += -DSTUB_BLOB='"$(STUB)/stub.bin"'

# Init of the rehearsal's guest: a static program without libc, data of ukdumpctl.
REHEARSE := $(BUILD)/rehearse
REHEARSE_OBJECTS := $(addprefix $(REHEARSE)/,$(addsuffix .o,$(basename $(SRC_rehearse))))

$(REHEARSE)/%.o: src/rehearse/%.c mk/flags.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC      $< (guest)')
	$(Q)$(CC) $(REHEARSE_CFLAGS) -MMD -MP -c $< -o $@

$(REHEARSE)/init: $(REHEARSE_OBJECTS)
	$(if $(Q),@echo '  LD      $@')
	$(Q)$(CC) $(REHEARSE_LDFLAGS) -o $@ $^

$(OBJ)/ctl/rehearse/rehearse_init.o: $(REHEARSE)/init
$(OBJ)/ctl/rehearse/rehearse_init.o: ALL_CPPFLAGS += -DREHEARSE_INIT='"$(REHEARSE)/init"'

-include $(shell find $(OBJ) $(STUB) $(REHEARSE) $(BUILD)/tests -type f -name '*.d' 2>/dev/null)
