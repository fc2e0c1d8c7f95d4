# SPDX-License-Identifier: GPL-2.0
# What leaves this tree: a source archive, a static program, packages, and the test that they work
# where they come to.

NAME_VERSION := kvmclock-trace-$(VERSION)
SOURCE_ARCHIVE := $(OUTPUT)/$(NAME_VERSION).tar.gz

# Of what is committed, with its times: two archives of one commit are equal.
.PHONY: dist
dist:
	$(say) DIST $(SOURCE_ARCHIVE)
	$(Q)mkdir -p $(OUTPUT)
	$(Q)git archive --format=tar --prefix=$(NAME_VERSION)/ HEAD >$(OUTPUT)/dist.tar
	$(Q)gzip -n9 <$(OUTPUT)/dist.tar >$(SOURCE_ARCHIVE)
	$(Q)rm $(OUTPUT)/dist.tar

# ---- completions ----

COMPLETIONS := $(OUTPUT)/completions

.PHONY: completions
completions: $(addprefix $(COMPLETIONS)/,bash zsh fish)

# The program tells its commands and options itself.
$(COMPLETIONS)/%: $(PROGRAM) $(wildcard packaging/completions/*)
	$(say) COMPLETE $@
	$(Q)mkdir -p $(@D)
	$(Q)packaging/completions/make $* $(PROGRAM) >$@.new && mv $@.new $@

# ---- one program that needs no library ----

STATIC := $(OUTPUT)/static
STATIC_PROGRAM := $(STATIC)/$(NAME_VERSION)-x86_64

.PHONY: static
static: $(STATIC)/SHA256SUMS
	@:

.PHONY: static-deps
static-deps:
	@scripts/deps static

# What libelf, libdw, libbpf and libncursesw may need beside what we name differs by their version and build.
STATIC_LIBS = $(LDLIBS) $(foreach lib,lzma bz2 zstd tinfo,$(if $(wildcard \
	$(addsuffix /lib$(lib).a,/usr/lib /usr/lib64 /usr/lib/$(MULTIARCH))),-l$(lib)))

# libdw would load libdebuginfod by dlopen(), which no static program can do safely.
$(STATIC_PROGRAM): $(OBJECTS) $(OUTPUT)/packaging/static.o | static-deps
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -static-pie -Wl,--wrap=dlopen -Wl,-Map=$(STATIC)/map \
		-o $@ $^ $(STATIC_LIBS)
	$(Q)strip $@

$(OUTPUT)/packaging/%.o: packaging/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(STATIC)/LIBRARIES: $(STATIC_PROGRAM) packaging/libraries
	$(say) LIST $@
	$(Q)packaging/libraries $(STATIC)/map >$@.new && mv $@.new $@

$(STATIC)/SHA256SUMS: $(STATIC_PROGRAM) $(STATIC)/LIBRARIES
	$(say) SUM $@
	$(Q)cp LICENSE $(STATIC)
	$(Q)cd $(STATIC) && sha256sum $(notdir $(STATIC_PROGRAM)) LIBRARIES LICENSE >SHA256SUMS

# ---- a container image ----

IMAGE ?= kvmclock-trace:$(VERSION)
BUILDAH ?= buildah

# Its times are the commit's, not the build's, so that equal programs give equal images.
.PHONY: image
image: static
	$(say) IMAGE $(IMAGE)
	$(Q)$(BUILDAH) build --quiet --isolation chroot --build-arg VERSION=$(VERSION) \
		--timestamp $(shell git log -1 --format=%ct 2>/dev/null || echo 0) \
		-f contrib/container/Containerfile -t $(IMAGE) $(STATIC)

# ---- Debian ----

DEB := $(OUTPUT)/deb

# From the source archive, as anybody else would build it: nothing uncommitted gets in.
# DEB_BUILD_OPTIONS=nocheck leaves the tests out.
.PHONY: deb
deb: dist
	@scripts/deps build package
	$(say) DEB $(DEB)
	$(Q)rm -rf $(DEB) && mkdir -p $(DEB)
	$(Q)tar -C $(DEB) -xf $(SOURCE_ARCHIVE)
	$(Q)cd $(DEB)/$(NAME_VERSION) && env -u MAKEFLAGS -u MAKELEVEL \
		dpkg-buildpackage -us -uc -b >../build.log 2>&1 || \
		{ tail -n 30 ../build.log >&2; exit 1; }
	$(Q)rm -rf $(DEB)/$(NAME_VERSION)
	@ls $(DEB)/*.deb

.PHONY: check-install
check-install:
	@scripts/deps build package static install
	@tests/install/run --tap $(OUTPUT)/install.tap; tests/summarize $(OUTPUT)/install.tap
