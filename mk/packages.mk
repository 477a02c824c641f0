# SPDX-License-Identifier: GPL-2.0-or-later
# Packages, without network, from the files that git tracks as they are in the work tree.

PACKAGES := $(abspath $(BUILD))/packages
DIST := ukdump-$(VERSION)
# Ours are not those of a package's build.
CLEAN_ENV := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u BUILD -u SAN -u V -u PREFIX -u DESTDIR

dist: ## source tarball, in build/packages
	@rm -rf $(PACKAGES)/$(DIST)
	@mkdir -p $(PACKAGES)/$(DIST)
	git ls-files -z | tar -c --null -T - | tar -x -C $(PACKAGES)/$(DIST)
	sed -i 's/@VERSION@/$(VERSION)/' $(PACKAGES)/$(DIST)/ukdump.spec
	tar -C $(PACKAGES) --owner=0 --group=0 --sort=name -czf $(PACKAGES)/$(DIST).tar.gz $(DIST)

deb: dist ## Debian packages, in build/packages; tests are not run
	cd $(PACKAGES)/$(DIST) && DEB_BUILD_OPTIONS="nocheck parallel=$$(nproc) $$DEB_BUILD_OPTIONS" \
		$(CLEAN_ENV) dpkg-buildpackage --no-sign --build=binary
	@ls $(PACKAGES)/*.deb

# Debian's rpm knows no build requirements, and has no find-debuginfo unless debugedit is installed.
rpm: dist ## RPM packages, in build/packages; tests are not run
	$(CLEAN_ENV) rpmbuild -tb --nodeps --nocheck --define '_topdir $(PACKAGES)/rpm' \
		--define '_rpmdir $(PACKAGES)' --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
		$(if $(shell command -v find-debuginfo),,--define 'debug_package %{nil}') \
		$(PACKAGES)/$(DIST).tar.gz
	@ls $(PACKAGES)/*.rpm

.PHONY: dist deb rpm
