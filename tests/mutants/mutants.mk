# SPDX-License-Identifier: GPL-2.0
# What tests/mutants/run builds in its copies of the tree: the unit tests of the program's own
# objects, without sanitizers, so that a change is soon built.

MUTANTS_DIR := $(OUTPUT)/mutants

$(MUTANTS_DIR)/all.a: $(filter-out %/main.o,$(OBJECTS))
	$(say) AR $@
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(MUTANTS_DIR)/test_pvti.o: $(OUTPUT)/unit/pvti.skel.h

.SECONDARY: $(UNIT_NAMES:%=$(MUTANTS_DIR)/%.o)
$(MUTANTS_DIR)/test_%.o: tests/unit/test_%.c
	$(say) CC '$< (for mutants)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(OUTPUT)/unit -MMD -MP -c -o $@ $<

$(MUTANTS_DIR)/test_%: $(MUTANTS_DIR)/test_%.o $(MUTANTS_DIR)/all.a
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

-include $(wildcard $(MUTANTS_DIR)/*.d)
