# SPDX-License-Identifier: GPL-2.0
# Tests that need no VM. `make unit` builds and runs tests/unit/test_*.c with ASan and UBSan, and
# makes the same build of the program for tests/cli/ (`make cli`), which has the command line's bad
# input and mutated recordings.

SANITIZE     := -U_FORTIFY_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
ASAN         := $(OUTPUT)/asan
ASAN_PROGRAM := $(ASAN)/kvmclock-trace
ASAN_OBJECTS := $(SOURCES:%.c=$(ASAN)/%.o)

UNIT_NAMES    := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_PROGRAMS := $(UNIT_NAMES:%=$(OUTPUT)/unit/%)

# Headers that are generated are there once the program is.
$(ASAN)/src/%.o: src/%.c | $(PROGRAM)
	$(say) CC '$< (sanitized)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(ASAN_PROGRAM): $(ASAN_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# All but main(), for the tests to take from.
$(ASAN)/all.a: $(filter-out %/main.o,$(ASAN_OBJECTS))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The arithmetic in the kernel, for test_pvti.
$(OUTPUT)/unit/pvti.bpf.o: tests/unit/pvti.bpf.c tests/unit/pvti_vectors.h include/kvmclock/pvti.h
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(OUTPUT)/unit/pvti.skel.h: $(OUTPUT)/unit/pvti.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name pvti_bpf > $@.new && mv $@.new $@

$(OUTPUT)/unit/test_pvti: $(OUTPUT)/unit/pvti.skel.h

$(OUTPUT)/unit/test_%: tests/unit/test_%.c $(ASAN)/all.a
	$(say) CC '$< (sanitized)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(OUTPUT)/unit $(SANITIZE) -MMD -MP -MF $@.d -o $@ $< $(ASAN)/all.a \
		$(LDFLAGS) -lcmocka $(LDLIBS)

-include $(ASAN_OBJECTS:.o=.d) $(UNIT_PROGRAMS:%=%.d)

.PHONY: unit
unit: $(UNIT_PROGRAMS) $(ASAN_PROGRAM)
	$(Q)mkdir -p $(TAP) && rm -f $(TAP)/unit.tap
	$(Q)tests/unit/run --tap $(TAP)/unit.tap $(UNIT_PROGRAMS) || :
	$(Q)tests/summarize $(TAP)/unit.tap

.PHONY: cli
cli: $(PROGRAM) $(ASAN_PROGRAM)
	$(Q)mkdir -p $(TAP) && rm -f $(TAP)/cli.tap
	$(Q)tests/cli/run --tap $(TAP)/cli.tap --output $(OUTPUT) || :
	$(Q)tests/summarize $(TAP)/cli.tap
