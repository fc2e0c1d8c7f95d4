# SPDX-License-Identifier: GPL-2.0
# Suites that take programs from npm: `make NAME` runs tests/NAME/test_*.py.

# Of what is to be there no script has to run: Debian's Chromium is driven, and none is fetched;
# DuckDB's programs come in packages of their own.
# $(call npm_suite,NAME,DIRECTORY)
define npm_suite
$(2)/node_modules: tests/$(1)/package.json tests/$(1)/package-lock.json
	$$(say) NPM $$@
	$$(Q)mkdir -p $(2) && cp $$^ $(2)
	$$(Q)cd $(2) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules

.PHONY: $(1)
$(1): $$(PROGRAM) $$(ASAN_PROGRAM) $(2)/node_modules
	$$(Q)mkdir -p $$(TAP) && rm -f $$(TAP)/$(1).tap
	$$(Q)tests/cli/run --tap $$(TAP)/$(1).tap --output $$(OUTPUT) --tests tests/$(1) || :
	$$(Q)tests/summarize $$(TAP)/$(1).tap
endef

# What is drawn, in a headless Chromium.
$(eval $(call npm_suite,picture,$(OUTPUT)/browser))
# What a fleet is queried with: DuckDB and Prometheus.
$(eval $(call npm_suite,fleet,$(OUTPUT)/fleet))
