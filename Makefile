# make deps      installs what the build needs; demo, test, lint and pictures install what they lack, and no other target does
# make           builds (the same as make build)
# make demo      make deps and make build, then runs the main job on a bundled table and shows the result
# make test      make deps and what the tests need, builds, then every test
# make lint      the form of sources, man pages and scripts
# make sanitize  tests of tables, streams and model files under AddressSanitizer and ThreadSanitizer
# make install   puts what is built under PREFIX
PREFIX ?= /usr/local
TOOLS = qfit qaggregate qsort qconformal qscore qreshape qplot
BUILD = .build/release

.PHONY: all deps build demo test lint sanitize install uninstall bench fuzz man pictures clean

all: build

deps:
	@scripts/set-up

build:
	swift build -c release

demo: deps
	@$(MAKE) --no-print-directory build
	@scripts/demo

test:
	@scripts/set-up gnuplot-nox mandoc python3
	swift build -c release --build-tests
	swift test -c release --skip-build

lint:
	@scripts/set-up mandoc python3
	scripts/lint

sanitize:
	scripts/sanitize

# Binaries, man pages, and completions for bash, zsh and fish.
install:
	@for tool in $(TOOLS); do test -x $(BUILD)/$$tool || { echo "$(BUILD)/$$tool is not there: run make build" >&2; exit 1; }; done
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
	  $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 $(addprefix $(BUILD)/,$(TOOLS)) $(DESTDIR)$(PREFIX)/bin
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7
	for tool in $(TOOLS); do \
	  $(BUILD)/$$tool --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$tool && \
	  $(BUILD)/$$tool --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$tool && \
	  $(BUILD)/$$tool --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish || exit 1; \
	done

uninstall:
	for tool in $(TOOLS); do \
	  rm -f $(DESTDIR)$(PREFIX)/bin/$$tool $(DESTDIR)$(PREFIX)/share/man/man1/$$tool.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$tool $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$tool \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish; \
	done
	rm -f $(DESTDIR)$(PREFIX)/share/man/man5/quantile-table.5 $(DESTDIR)$(PREFIX)/share/man/man7/quantile-filters.7

# Ratios against the named peers, installed in a scratch folder.
bench: build
	scripts/bench

# Random tables against laws, damaged and crafted files, kills, full disks and small limits; SECONDS and SEED can be set.
fuzz: build
	swift build -c release --build-tests
	scripts/fuzz-decoders 40 $(or $(SEED),1)
	scripts/fuzz $(or $(SECONDS),60) $(or $(SEED),1)

# Writes the generated parts of the man pages and the README anew.
man: build
	scripts/make/man
	scripts/make/readme

# Draws the README's pictures anew.
pictures: build
	@scripts/set-up gnuplot-nox
	scripts/make/pictures

clean:
	rm -rf .build .build-asan .build-tsan
