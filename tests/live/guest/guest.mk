# SPDX-License-Identifier: GPL-2.0
# The guest of the live tests with QEMU: firmware of our own, 64 KiB, for its -bios. The tests have
# `make live-guest` build it. Nothing from a 32-bit library is in it, so none has to be installed.

GUEST         := $(OUTPUT)/guest
GUEST_IMAGE   := $(GUEST)/guest.bin
GUEST_OBJECTS := $(patsubst tests/live/guest/%,$(GUEST)/%.o,$(wildcard tests/live/guest/*.[cS]))
GUEST_CFLAGS  := -m32 -std=gnu11 -O2 -Wall -Wextra -ffreestanding -fno-pic -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only
ifeq ($(WERROR),1)
GUEST_CFLAGS += -Werror
endif

$(GUEST)/%.o: tests/live/guest/%
	$(say) CC '$< (guest)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST)/guest.elf: tests/live/guest/guest.ld $(GUEST_OBJECTS)
	$(say) LINK $@
	$(Q)$(LD) -m elf_i386 -o $@ -T $^

$(GUEST_IMAGE): $(GUEST)/guest.elf
	$(say) OBJCOPY $@
	$(Q)objcopy -O binary -j .text -j .reset --gap-fill 0xf4 $< $@

-include $(GUEST_OBJECTS:.o=.d)

.PHONY: live-guest
live-guest: $(GUEST_IMAGE)
	@:
