# SPDX-License-Identifier: GPL-2.0-or-later
# Installation. Everything goes below DESTDIR; an existing ukdump.conf is left alone. Below systemd/ and
# config/ the kind of a file says where it goes, so that a new one needs no line here.

SBINDIR := $(PREFIX)/sbin
LIBDIR := $(PREFIX)/lib/ukdump
# Whatever PREFIX is: dracut looks nowhere else.
DRACUTDIR := /usr/lib/dracut/modules.d
DRACUT_MODULES := 52ukdump 53ukdump-full 53ukdump-lean
# Packages set these: Debian 12's debhelper knows units in /lib only, and Debian's zsh has its own place.
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
MANDIR := $(PREFIX)/share/man
MAN_SOURCES := $(wildcard man/*.scd)
MAN_PAGES := $(patsubst man/%.scd,$(BUILD)/man/%,$(MAN_SOURCES))

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

man: $(MAN_PAGES) ## make the man pages

# Every file: $(call installed,DO) gives a recipe line $(call DO,MODE,DIRECTORY,FILES) for each kind.
define installed
$(call $(1),0755,$(SBINDIR),$(BUILD)/ukdumpctl $(BUILD)/ukdump-load)
$(call $(1),0755,$(LIBDIR),$(BUILD)/ukdump-capture $(BUILD)/ukdump-upload)
$(foreach m,$(DRACUT_MODULES),$(call $(1),0644,$(DRACUTDIR)/$(m),$(filter-out %/module-setup.sh,$(wildcard dracut-module/$(m)/*)))
$(call $(1),0755,$(DRACUTDIR)/$(m),dracut-module/$(m)/module-setup.sh)
)
$(foreach s,5 8,$(call $(1),0644,$(MANDIR)/man$(s),$(filter %.$(s),$(MAN_PAGES)))
)
$(call $(1),0644,$(UNITDIR),$(wildcard systemd/*.service systemd/*.path systemd/*.timer))
$(call $(1),0644,$(PREFIX)/lib/systemd/system-preset,$(wildcard systemd/*.preset))
$(call $(1),0644,$(PREFIX)/lib/systemd/catalog,$(wildcard systemd/*.catalog))
$(call $(1),0644,$(PREFIX)/lib/tmpfiles.d,$(wildcard config/tmpfiles/*))
$(call $(1),0644,$(PREFIX)/lib/udev/rules.d,$(wildcard config/udev/*))
$(call $(1),0755,$(PREFIX)/lib/kernel/install.d,$(wildcard config/kernel-install/*))
$(call $(1),0755,/etc/kernel/postinst.d,$(wildcard config/kernel/postinst.d/*))
$(call $(1),0755,/etc/kernel/postrm.d,$(wildcard config/kernel/postrm.d/*))
$(call $(1),0644,$(PREFIX)/share/ukdump/schema,$(wildcard docs/schema/*.json))
$(call $(1),0644,$(PREFIX)/share/bash-completion/completions,$(wildcard config/completion/bash/*))
$(call $(1),0644,$(ZSHDIR),$(wildcard config/completion/zsh/*))
$(call $(1),0644,$(PREFIX)/share/fish/vendor_completions.d,$(wildcard config/completion/fish/*))
endef
put = $(if $(strip $(3)),install -D -m $(1) -t $(DESTDIR)$(2) $(3))
take = $(if $(strip $(3)),rm -f $(addprefix $(DESTDIR)$(2)/,$(notdir $(3))))

install: all man ## install below DESTDIR
	$(call installed,put)
	sed -i 's,=/usr/sbin/,=$(SBINDIR)/,' $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(wildcard systemd/*.service)))
	install -d -m 0755 $(addprefix $(DESTDIR)/etc/ukdump/,ukdump.conf.d trust.d notify.d)
	[ -e $(DESTDIR)/etc/ukdump/ukdump.conf ] || \
		install -m 0644 config/ukdump.conf $(DESTDIR)/etc/ukdump/ukdump.conf

uninstall: ## remove what install made, keep /etc/ukdump and /var/lib/ukdump
	$(call installed,take)
	rmdir $(DESTDIR)$(LIBDIR) $(addprefix $(DESTDIR)$(DRACUTDIR)/,$(DRACUT_MODULES)) \
		$(DESTDIR)$(PREFIX)/share/ukdump/schema $(DESTDIR)$(PREFIX)/share/ukdump 2>/dev/null || true

.PHONY: man install uninstall
