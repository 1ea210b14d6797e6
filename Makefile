# What a newcomer types. Each target installs first what it needs; works with GNU make 4.3 and later.
.DEFAULT_GOAL := help
.PHONY: help toolchain check demo pictures bench soak format build install deb clean
.NOTPARALLEL:

export PATH := $(CURDIR)/node_modules/.bin:$(PATH):$(HOME)/.cargo/bin

# stint's own checks must not draw from the jobserver of the make that starts them.
script := @toolchain/without-jobserver.sh npm run --silent

help: ## show this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r target text; do printf '%-16s %s\n' "$$target" "$$text"; done

toolchain: ## install what the others need (as root also Debian packages)
	@toolchain/install.sh

check: toolchain ## types, lint, dead code, tests
	$(script) check:types
	$(script) check:lint
	$(script) check:dead
	$(script) test

demo: toolchain ## real builds share one pool of two slots
	$(script) demo

pictures: toolchain ## what README shows of top and of the page, from real builds
	$(script) pictures

bench: toolchain ## figures, as ratios to a reference in the same run
	$(script) bench

soak: toolchain ## the long tests
	$(script) soak

format: toolchain ## put every file in the house's form
	$(script) format

build: toolchain ## the program as it is installed, in dist/
	$(script) build

install: ## put what `make build` has made below PREFIX; see packaging/install.sh
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' OPENRC='$(OPENRC)' WITH_NODE='$(WITH_NODE)' \
	  packaging/install.sh

deb: build ## a Debian package, in this folder
	@packaging/debian/build.sh

clean: ## remove what was built and fetched, but for node_modules
	rm -rf .cache dist
