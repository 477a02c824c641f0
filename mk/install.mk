# SPDX-License-Identifier: GPL-2.0-or-later
# Installation. Everything goes below DESTDIR; an existing ukdump.conf is left alone.

SBINDIR := $(PREFIX)/sbin
LIBDIR := $(PREFIX)/lib/ukdump
DRACUTDIR := $(PREFIX)/lib/dracut/modules.d
DRACUT_MODULES := 52ukdump 53ukdump-full 53ukdump-lean
MANDIR := $(PREFIX)/share/man
MAN_SOURCES := $(wildcard man/*.scd)
MAN_PAGES := $(patsubst man/%.scd,$(BUILD)/man/%,$(MAN_SOURCES))

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

man: $(MAN_PAGES) ## make the man pages

install: all man ## install below DESTDIR
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DRACUTDIR)
	install -m 0755 $(BUILD)/ukdumpctl $(BUILD)/ukdump-load $(DESTDIR)$(SBINDIR)
	install -m 0755 $(BUILD)/ukdump-capture $(BUILD)/ukdump-upload $(DESTDIR)$(LIBDIR)
	for m in $(DRACUT_MODULES); do \
		install -d $(DESTDIR)$(DRACUTDIR)/$$m && \
		install -m 0644 dracut-module/$$m/* $(DESTDIR)$(DRACUTDIR)/$$m && \
		chmod 0755 $(DESTDIR)$(DRACUTDIR)/$$m/module-setup.sh || exit 1; \
	done
	for p in $(MAN_PAGES); do \
		install -D -m 0644 $$p $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/} || exit 1; \
	done
	install -d -m 0755 $(DESTDIR)/etc/ukdump $(DESTDIR)/etc/ukdump/ukdump.conf.d \
		$(DESTDIR)/etc/ukdump/trust.d
	[ -e $(DESTDIR)/etc/ukdump/ukdump.conf ] || \
		install -m 0644 config/ukdump.conf $(DESTDIR)/etc/ukdump/ukdump.conf

uninstall: ## remove what install made, keep /etc/ukdump and /var/lib/ukdump
	rm -f $(DESTDIR)$(SBINDIR)/ukdumpctl $(DESTDIR)$(SBINDIR)/ukdump-load
	rm -rf $(DESTDIR)$(LIBDIR) $(addprefix $(DESTDIR)$(DRACUTDIR)/,$(DRACUT_MODULES))
	for p in $(MAN_PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done

.PHONY: man install uninstall
