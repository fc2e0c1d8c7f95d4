# SPDX-License-Identifier: GPL-2.0
# Tests of what a fleet is queried with: DuckDB and Prometheus. `make fleet` runs tests/fleet/test_*.py.

FLEET := $(OUTPUT)/fleet

# Its programs come in packages of their own, so that no script has to run.
$(FLEET)/node_modules: tests/fleet/package.json tests/fleet/package-lock.json
	$(say) NPM $@
	$(Q)mkdir -p $(FLEET) && cp $^ $(FLEET)
	$(Q)cd $(FLEET) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules

.PHONY: fleet
fleet: $(PROGRAM) $(ASAN_PROGRAM) $(FLEET)/node_modules
	$(Q)mkdir -p $(TAP) && rm -f $(TAP)/fleet.tap
	$(Q)tests/cli/run --tap $(TAP)/fleet.tap --output $(OUTPUT) --tests tests/fleet || :
	$(Q)tests/summarize $(TAP)/fleet.tap
