# SPDX-License-Identifier: GPL-2.0
# make [V=1]; `make help` lists the targets.

VERSION := $(shell sed -n 's/.*KCT_VERSION "\(.*\)"/\1/p' src/version.h)
OUTPUT  ?= .output
PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man

CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CC      ?= cc
ARCH_INCLUDE := /usr/include/$(shell uname -m)-linux-gnu

CFLAGS   ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -pthread $(CFLAGS) \
	-Isrc -Iinclude -I$(OUTPUT)
LDLIBS   = -lbpf -ldw -lelf -lz -ljansson -pthread
BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_x86 -Wall -Wextra -Wno-unused-parameter \
	-Iinclude -Ivmlinux -I$(ARCH_INCLUDE)
ifeq ($(WERROR),1)
ALL_CFLAGS += -Werror
BPF_CFLAGS += -Werror
endif

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-8s %s\n'
endif

PROGRAM := $(OUTPUT)/kvmclock-trace
SOURCES := $(wildcard src/*.c src/*/*.c)
OBJECTS := $(SOURCES:%.c=$(OUTPUT)/%.o)

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUTPUT)/src/%.o: src/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Whoever opens the BPF object needs its skeleton.
$(OUTPUT)/src/attach/session.o: $(OUTPUT)/kvmclock.skel.h

$(OUTPUT)/kvmclock.bpf.o: bpf/kvmclock.bpf.c $(wildcard bpf/*.h include/kvmclock/*.h vmlinux/*.h)
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(OUTPUT)/kvmclock.skel.h: $(OUTPUT)/kvmclock.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name kvmclock_bpf > $@.new && mv $@.new $@

-include $(OBJECTS:.o=.d)

.PHONY: clean
clean:
	rm -rf $(OUTPUT)
