# SPDX-License-Identifier: GPL-2.0
# libFuzzer, with ASan and UBSan, on what reads what others wrote. A target is a file
# tests/fuzz/fuzz_NAME.c; tests/fuzz/run knows what it needs. `make fuzz` builds and runs all.

# Warnings are for the build itself, by the compiler that it is for.
FUZZ_DIR     := $(OUTPUT)/fuzz
FUZZ_CFLAGS   = $(ALL_CFLAGS) -w -O1 -Itests/fuzz -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TARGETS := $(FUZZ_NAMES:%=$(FUZZ_DIR)/fuzz_%)
FUZZ_OBJECTS := $(filter-out %/main.o,$(SOURCES:%.c=$(FUZZ_DIR)/%.o))
FUZZ_SHARED  := $(patsubst %.c,$(FUZZ_DIR)/%.o,$(wildcard tests/fuzz/*.c))

# Of recordings.
$(addprefix $(FUZZ_DIR)/fuzz_,reader report verify migration compare): \
	$(FUZZ_DIR)/tests/fuzz/lines.o

# Where a command line ends; see fuzz_arguments.c.
FUZZ_WRAPS := $(shell sed -n 's/^STOP(\(.*\))$$/\1/p' tests/fuzz/fuzz_arguments.c) argp_parse \
	argp_error fopen fdopen fopencookie fclose
$(FUZZ_DIR)/fuzz_arguments: FUZZ_LDFLAGS = $(FUZZ_WRAPS:%=-Wl,--wrap=%)

$(FUZZ_DIR)/%.o: %.c | $(PROGRAM)
	$(say) CC '$< (to fuzz)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_DIR)/all.a: $(FUZZ_OBJECTS)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

.SECONDARY: $(FUZZ_SHARED)
$(FUZZ_DIR)/fuzz_%: $(FUZZ_DIR)/tests/fuzz/fuzz_%.o $(FUZZ_DIR)/tests/fuzz/fuzz.o $(FUZZ_DIR)/all.a
	$(say) LINK $@
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined $(FUZZ_LDFLAGS) -o $@ $(filter %.o,$^) \
		$(FUZZ_DIR)/all.a $(LDLIBS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_SHARED:.o=.d)

.PHONY: fuzz-build
fuzz-build: $(FUZZ_TARGETS)
