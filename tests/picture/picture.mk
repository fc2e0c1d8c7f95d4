# SPDX-License-Identifier: GPL-2.0
# Tests of what is drawn, in a headless Chromium. `make picture` runs tests/picture/test_*.py.

BROWSER := $(OUTPUT)/browser

# Debian's Chromium is driven: none is fetched.
$(BROWSER)/node_modules: tests/picture/package.json tests/picture/package-lock.json
	$(say) NPM $@
	$(Q)mkdir -p $(BROWSER) && cp $^ $(BROWSER)
	$(Q)cd $(BROWSER) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules

.PHONY: picture
picture: $(PROGRAM) $(ASAN_PROGRAM) $(BROWSER)/node_modules
	$(Q)mkdir -p $(TAP) && rm -f $(TAP)/picture.tap
	$(Q)tests/cli/run --tap $(TAP)/picture.tap --output $(OUTPUT) --tests tests/picture || :
	$(Q)tests/summarize $(TAP)/picture.tap
