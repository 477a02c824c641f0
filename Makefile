# SPDX-License-Identifier: GPL-2.0-or-later
#
# ukdump: crash dumps from one signed file.
#
# Knobs (make VAR=value):
#   BUILD=DIR        where everything is built                           [build]
#   SAN=asan,ubsan   build with sanitizers (use a BUILD of its own)      [none]
#   V=1              show the commands                                   [quiet]
#   CC=, CFLAGS=, LDFLAGS=   as usual; CFLAGS come after our own
#   DESTDIR=, PREFIX=        for install                                 [/usr]
#   MIRROR=URL       Debian mirror for guests and kernels                [from apt's own sources]
#   PYTEST_ARGS=     further arguments for pytest, such as -k NAME
#
# Downloads, guest trees and test keys live in build/cache; `make clean` keeps them.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

include mk/flags.mk
include mk/sources.mk
include mk/rules.mk
include mk/tests.mk
include mk/install.mk
include mk/packages.mk

all: $(PROGRAMS) ## build the programs (default)

help: ## this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | sort | \
		awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'
	@sed -n '/^# Knobs/,/^# Downloads/p' Makefile | sed 's/^# \{0,1\}//'

clean: ## remove what was built, keep build/cache
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} + 2>/dev/null || true

distclean: ## remove the cache too
	rm -rf $(BUILD) build

.PHONY: all help clean distclean
