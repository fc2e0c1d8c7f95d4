# SPDX-License-Identifier: GPL-2.0
# make [V=1] [WERROR=1]; `make help` lists the targets. ./run TARGET is `make TARGET` on a machine
# that has no make yet.

VERSION := $(shell sed -n 's/.*KCT_VERSION "\(.*\)"/\1/p' src/base/version.h)
OUTPUT  ?= .output
DESTDIR ?=
PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
DOCDIR  ?= $(DATADIR)/doc/kvmclock-trace
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d

CLANG   ?= clang
CC      ?= cc
# Ubuntu's /usr/sbin/bpftool only starts the one of the running kernel's package.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool) bpftool)
# Where <asm/types.h> is, if not in /usr/include itself. Not every compiler tells.
MULTIARCH := $(notdir $(wildcard /usr/include/x86_64-linux-gnu))

# CPPFLAGS, CFLAGS and LDFLAGS are the builder's: a distribution's replace these.
HARDENING := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS   ?= -O2 -g $(HARDENING)
LDFLAGS  ?= -pie -Wl,-z,relro,-z,now
# The same sources give the same program in whatever folder they lie.
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -pthread $(PREFIX_MAP) \
	-Isrc -Iinclude -I$(OUTPUT) $(CPPFLAGS) $(CFLAGS)
LDLIBS   = -lbpf -ldw -lelf -lz -ljansson -lncursesw -pthread
BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_x86 -Wall -Wextra -Wno-unused-parameter \
	$(PREFIX_MAP) -Iinclude -Ivmlinux $(addprefix -I/usr/include/,$(MULTIARCH))
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
MAKEFLAGS += --no-print-directory
endif
# For targets that install first and build then: on all CPUs, unless told otherwise.
BUILD = $(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

PROGRAM := $(OUTPUT)/kvmclock-trace
SOURCES := $(sort $(wildcard src/*.c src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(OUTPUT)/%.o)

.PHONY: all
all: $(PROGRAM) completions
	@:

$(PROGRAM): $(OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUTPUT)/src/%.o: src/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Whoever opens the BPF object needs its skeleton, before the compiler has said so.
$(filter $(OUTPUT)/src/attach/%,$(OBJECTS)): | $(OUTPUT)/kvmclock.skel.h

$(OUTPUT)/kvmclock.bpf.o: bpf/kvmclock.bpf.c $(wildcard bpf/*.h include/kvmclock/*.h vmlinux/*.h)
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(OUTPUT)/kvmclock.skel.h: $(OUTPUT)/kvmclock.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name kvmclock_bpf > $@.new && mv $@.new $@

# What the HTML pages are drawn with, as it is to be read in src/picture/.
PAGE_FILES := $(addprefix src/picture/,page.css page.js migration.js report.js)
$(filter $(OUTPUT)/src/picture/%,$(OBJECTS)): | $(OUTPUT)/picture/assets.h

$(OUTPUT)/picture/assets.h: scripts/embed $(PAGE_FILES)
	$(say) EMBED $@
	$(Q)mkdir -p $(@D)
	$(Q){ scripts/embed KCT_PAGE_CSS src/picture/page.css && \
		scripts/embed KCT_MIGRATION_JS src/picture/page.js src/picture/migration.js && \
		scripts/embed KCT_REPORT_JS src/picture/page.js src/picture/report.js; \
	} > $@.new && mv $@.new $@

-include $(OBJECTS:.o=.d)

.PHONY: help
help:
	@printf '%s\n' \
	'demo       install what is missing, build, and trace a migration on this host' \
	'check      install what is missing, build, and run all tests' \
	'deps       only install what is missing' \
	'all        only build $(PROGRAM) (the default)' \
	'lab        the live tests on other kernels, in software emulation' \
	'lab-patches  verdicts on kernels with one behaviour changed each' \
	'unit, cli  only the tests that need no VM' \
	'picture    the tests of pages in a browser; screenshots in $(OUTPUT)/pictures' \
	'fleet      the queries of contrib/, by DuckDB and Prometheus' \
	'fuzz       mutated input, for DURATION=1m; FUZZ=report' \
	'faults     every system call of a command failed in turn; DURATION=, FAULTS=record' \
	'soak       guests without end, and kill -9, for DURATION=1m' \
	'mutants    which tests notice a changed source; SAMPLE=10' \
	'bench      what it costs, against its peers, on this host; BENCH=--quick, BENCH=storm;' \
	'           BASELINE=COMMIT measures that state in the same run' \
	'lint       clang-format, cppcheck, the layers of src/, the threats, shellcheck, mandoc' \
	'install    into DESTDIR, PREFIX (/usr/local): program, man page, completions, service,' \
	'           documents' \
	'uninstall  remove them' \
	'dist       a source archive of HEAD, which builds without git' \
	'static     one program that needs no library, its checksum, and what is in it' \
	'image      a container image of the static program, by buildah' \
	'deb        a package for Debian, of HEAD' \
	'check-install  build, install, upgrade, remove in fresh trees of Debian; as root' \
	'clean      remove $(OUTPUT)' \
	'Variables: V=1 shows the commands, WERROR=1 makes warnings errors; CPPFLAGS, CFLAGS, LDFLAGS.'

.PHONY: deps
deps:
	@scripts/deps make build test

.PHONY: demo
demo:
	@scripts/deps build
	@$(BUILD) all
	@scripts/demo $(OUTPUT)

.PHONY: clean
clean:
	rm -rf $(OUTPUT)

# ---- tests ----

TAP := $(OUTPUT)/tap

# Every suite runs, whatever became of the one before; summarize prints the closing line and gives
# the status, also for a suite that left no file.
.PHONY: check
check:
	@scripts/deps build test picture fleet
	@$(BUILD) all
	@rm -rf $(TAP) && mkdir -p $(TAP)
	@$(BUILD) unit || :
	@$(BUILD) cli || :
	@$(BUILD) picture || :
	@$(BUILD) fleet || :
	@tests/live/run --tap $(TAP)/live.tap || :
ifneq ($(RELIABILITY),)
	@scripts/deps fuzz faults
	@$(BUILD) reliability-check || :
endif
ifneq ($(PACKAGE),)
	@scripts/deps package static install
	@tests/install/run $(if $(filter short,$(PACKAGE)),--short) --tap $(TAP)/install.tap || :
endif
ifneq ($(LAB),)
	@$(BUILD) lab-check || :
endif
	@tests/summarize $(addprefix $(TAP)/,unit.tap cli.tap picture.tap fleet.tap live.tap \
		$(if $(RELIABILITY),fuzz.tap faults.tap soak.tap soak-monitor.tap mutants.tap) \
		$(if $(PACKAGE),install.tap) $(if $(LAB),lab.tap lab-patches.tap))

# ---- the lab: other kernels, in software emulation ----

# WRITE=--write puts the tables into docs/matrix.md and docs/kernels.md. KERNELS='6.1 7.3' runs the
# lab on these alone, and keeps what was found on the others.
LAB_RESULTS := $(OUTPUT)/lab

.PHONY: lab lab-patches lab-check
lab: all
	@scripts/deps lab
	@$(if $(KERNELS),,rm -rf $(LAB_RESULTS); tests/lab/build base || :)
	@status=0; \
	tests/lab/run --kernels '$(or $(KERNELS),6.1 6.12 6.19 7.0+ base)' --timeout 2700 \
		--results $(LAB_RESULTS) || status=1; \
	tests/lab/matrix $(WRITE) $(LAB_RESULTS) || status=1; \
	tests/lab/two-hosts || status=1; \
	tests/lab/run --kernels 5.10 --jobs tests/lab/jobs.floor || status=1; \
	exit $$status

lab-patches: all
	@scripts/deps lab
	@status=0; \
	tests/lab/verdicts $(WRITE) || status=1; \
	tests/lab/predicted $(WRITE) || status=1; \
	tests/lab/run --kernels tsc-backwards off || status=1; \
	exit $$status

# As much of both as a test run has the time for, side by side: `make check LAB=1`.
LAB_CHECK_PATCHES := base p123 dedup clock-guest-dedup

.PHONY: lab-check-kernels lab-check-patches
lab-check: all
	@scripts/deps lab
	@mkdir -p $(TAP)
	@$(BUILD) --output-sync lab-check-kernels lab-check-patches

lab-check-kernels:
	@tests/lab/run --kernels '6.1 6.12 newest' --jobs tests/lab/jobs.check --timeout 600 \
		--tap $(TAP)/lab.tap || :

lab-check-patches:
	@tests/lab/verdicts --quick --tap $(TAP)/lab-patches.tap $(LAB_CHECK_PATCHES) || :

# ---- benchmarks: any KVM host, as root ----

.PHONY: bench
bench:
	@scripts/deps build bench
	@$(BUILD) all
	@tests/bench/run --write $(BENCH) $(if $(BASELINE),--baseline \
		"$$(tests/bench/build-baseline $(BASELINE) $(abspath $(OUTPUT))/baseline)")

C_FILES = $(shell find bpf include packaging src tests vmlinux -name '*.[ch]')
SHELL_FILES = $(shell grep -rIlE -m1 '^\#!.*[ /](ba)?sh$$' run scripts packaging .ci tests)

.PHONY: lint lint-format lint-c lint-arrows lint-threats lint-shell lint-man
lint:
	@scripts/deps build lint
	@$(MAKE) -k lint-format lint-c lint-arrows lint-threats lint-shell lint-man

lint-format:
	$(say) FORMAT 'C files'
	$(Q)clang-format --dry-run -Werror $(C_FILES)

# With those headers of libraries whose macros look like statements.
lint-c:
	$(say) CPPCHECK src
	$(Q)cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -D_GNU_SOURCE -Isrc -Iinclude \
		$(addprefix --include=/usr/include/,jansson.h bpf/libbpf_common.h) \
		$(addprefix --include=,$(firstword $(wildcard $(addsuffix /sys/queue.h,/usr/include /usr/include/$(MULTIARCH))))) src

# The layers of docs/architecture.md.
lint-arrows:
	$(say) ARROWS src
	$(Q)scripts/arrows $(shell find src -name '*.[ch]')

# SECURITY.md and the tests that cite it.
lint-threats:
	$(say) THREATS SECURITY.md
	$(Q)scripts/threats

# SC2187: busybox's shell is checked as dash, which is what is wanted.
lint-shell:
	$(say) SHELL '$(SHELL_FILES)'
	$(Q)shellcheck -x -e SC2187 $(SHELL_FILES)

# Whether a page that is referred to is installed here says nothing about ours.
lint-man:
	$(say) MAN man/kvmclock-trace.8
	$(Q)! mandoc -Tlint man/kvmclock-trace.8 2>/dev/null | grep -v 'not found: Xr'

# ---- installation ----

UNIT := kvmclock-trace-monitor.service
DOCUMENTS := README.md CHANGELOG.md SECURITY.md LICENSE $(wildcard docs/*.md docs/*.json)

.PHONY: install
install: all
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(SBINDIR)/kvmclock-trace
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 man/kvmclock-trace.8
	install -D -m 644 $(COMPLETIONS)/bash $(DESTDIR)$(BASHDIR)/kvmclock-trace
	install -D -m 644 $(COMPLETIONS)/zsh $(DESTDIR)$(ZSHDIR)/_kvmclock-trace
	install -D -m 644 $(COMPLETIONS)/fish $(DESTDIR)$(FISHDIR)/kvmclock-trace.fish
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) $(DOCUMENTS)
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/pictures $(wildcard docs/pictures/*.png)
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples examples/migrate.jsonl \
		$(filter-out %.test.yml %.service %.service.d,$(wildcard $(addprefix \
			contrib/,container/* grafana/* kubernetes/* prometheus/* systemd/*)))
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples/kvmclock-trace-monitor.service.d \
		contrib/systemd/kvmclock-trace-monitor.service.d/socket.conf
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples/duckdb $(wildcard contrib/duckdb/*.sql)
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples/clickhouse \
		$(wildcard contrib/clickhouse/*.sql)
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|=/usr/sbin/|=$(SBINDIR)/|' contrib/systemd/$(UNIT) >$(DESTDIR)$(UNITDIR)/$(UNIT)
	chmod 644 $(DESTDIR)$(UNITDIR)/$(UNIT)
	install -D -m 755 -t $(DESTDIR)$(DOCDIR)/examples scripts/demo

.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/kvmclock-trace $(DESTDIR)$(MANDIR)/man8/kvmclock-trace.8 \
		$(DESTDIR)$(BASHDIR)/kvmclock-trace $(DESTDIR)$(ZSHDIR)/_kvmclock-trace \
		$(DESTDIR)$(FISHDIR)/kvmclock-trace.fish $(DESTDIR)$(UNITDIR)/$(UNIT)
	rm -rf $(DESTDIR)$(DOCDIR)

include packaging/packaging.mk
include tests/unit/unit.mk
include tests/reliability.mk
include tests/npm.mk
include tests/live/guest/guest.mk
