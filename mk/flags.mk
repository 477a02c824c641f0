# SPDX-License-Identifier: GPL-2.0-or-later
# Compilers and flags. Warnings and hardening first, the user's CFLAGS last.

BUILD ?= build
CACHE := build/cache
PREFIX ?= /usr
SAN ?=
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
# The version is that of the newest entry of debian/changelog, here and in all packages.
VERSION := $(shell sed -n "1s,.*(\([0-9.]*\)).*,\1,p" debian/changelog)

CC ?= cc
AR ?= ar
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wimplicit-fallthrough -Wformat=2 -Wconversion
HARDENING := -fstack-protector-strong -fPIE
ifeq ($(SAN),)
HARDENING += -D_FORTIFY_SOURCE=2
endif
san_comma := ,
SAN_FLAGS := $(if $(filter asan,$(subst $(san_comma), ,$(SAN))),-fsanitize=address) \
	$(if $(filter ubsan,$(subst $(san_comma), ,$(SAN))),-fsanitize=undefined -fno-sanitize-recover=all) \
	$(if $(SAN),-fno-omit-frame-pointer)

ALL_CPPFLAGS = -Isrc -I$(BUILD)/gen -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DOPENSSL_NO_DEPRECATED \
	-DUKDUMP_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) $(HARDENING) $(SAN_FLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(SAN_FLAGS) $(LDFLAGS)

LIBS_crypto := $(shell $(PKG_CONFIG) --libs libcrypto 2>/dev/null || echo -lcrypto)
LIBS_json := $(shell $(PKG_CONFIG) --libs json-c 2>/dev/null || echo -ljson-c)
LIBS_kdump := $(shell $(PKG_CONFIG) --libs libkdumpfile 2>/dev/null || echo -lkdumpfile)
LIBS_blkid := $(shell $(PKG_CONFIG) --libs blkid 2>/dev/null || echo -lblkid)
LIBS_md := -lmd
LIBS_curl := $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null || echo -lcurl)

# The kexec stub: entered with no SSE, no stack red zone, at any address (docs/UKI.md).
STUB_CFLAGS := -std=gnu11 -Os -g0 -Isrc -ffreestanding -mgeneral-regs-only -mno-red-zone -fpie \
	-fno-stack-protector -fcf-protection=none -fno-jump-tables -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns -fvisibility=hidden -fno-lto -mcmodel=small \
	-Wall -Wextra -Wshadow -Wvla -Wconversion
STUB_LDFLAGS := -nostdlib -static -pie -Wl,--no-dynamic-linker,-z,text,-z,noexecstack \
	-Wl,--build-id=none,--gc-sections

# Init of the rehearsal's guest: a static program of its own, started by the kernel.
REHEARSE_CFLAGS := -std=gnu11 -Os -g0 -Isrc -ffreestanding -mgeneral-regs-only -fno-pie \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-lto \
	-Wall -Wextra -Wshadow -Wvla -Wconversion
REHEARSE_LDFLAGS := -nostdlib -static -no-pie -Wl,-z,noexecstack -Wl,--build-id=none \
	-Wl,--gc-sections,-s
