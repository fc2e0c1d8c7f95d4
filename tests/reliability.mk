# SPDX-License-Identifier: GPL-2.0
# The reliability campaign; docs/reliability.md says what each is and what it found. SEED draws what
# is left to chance, WRITE=--write puts the figures into that document. `make check` has the short
# form of each.

SEED     ?= 1
DURATION ?=
SAMPLE   ?= 10
VMS      ?= 1000000
FUZZ     ?=
FAULTS   ?=
WRITE    ?=

include tests/fuzz/fuzz.mk
include tests/mutants/mutants.mk

CAMPAIGN = $(if $(DURATION),--duration $(DURATION)) --seed $(SEED) $(WRITE)

.PHONY: fuzz faults soak soak-many soak-monitor mutants reliability-check
fuzz:
	@scripts/deps build test fuzz
	@$(BUILD) fuzz-build
	@tests/fuzz/run --targets $(FUZZ_DIR) $(CAMPAIGN) $(FUZZ)

faults: all
	@scripts/deps faults
	@tests/faults/run $(CAMPAIGN) $(FAULTS)

soak: all
	@tests/soak/run $(CAMPAIGN)

soak-many: all
	@tests/soak/many --vms $(VMS) $(CAMPAIGN)

soak-monitor: all
	@tests/soak/monitor $(CAMPAIGN)

mutants:
	@scripts/deps build test
	@tests/mutants/run --sample $(SAMPLE) $(CAMPAIGN)

# Ten minutes in all on two CPUs, one of them for the build; a minute for each target of the fuzzer.
reliability-check: fuzz-build all
	@mkdir -p $(TAP)
	@tests/fuzz/run --tap $(TAP)/fuzz.tap --targets $(FUZZ_DIR) --duration 300s || :
	@tests/faults/run --tap $(TAP)/faults.tap --duration 90s || :
	@tests/soak/run --tap $(TAP)/soak.tap --duration 60s || :
	@tests/soak/monitor --tap $(TAP)/soak-monitor.tap --duration 40s || :
	@tests/mutants/run --tap $(TAP)/mutants.tap --sample 8 --duration 80s || :
