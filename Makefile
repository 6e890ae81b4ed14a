# The front desk. `make run` serves, `make test` checks everything; both install what is missing first.
#
#   make run        serve on http://localhost:5000 (PORT=, ADDRESS=), or https with TLS=1
#   make test       lint, both compilers, unit tests, vectors, fuzz corpora, end-to-end tests, a browser,
#                   and whether the benchmarks run
#   make test-large the end-to-end and browser tests with large files four times as large
#   make build      build only
#   make lint       formatting, layering, and clang without a warning
#   make format     rewrite the C sources with clang-format
#   make sanitize   all tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make fuzz       fuzz each target for FUZZ_SECONDS (60)
#   make bench      measure everything, about 20 minutes; QUICK=1 for a look: see docs/performance.md
#   make screenshots  take the pictures of docs/images anew
#   make install    install the module into nginx (DESTDIR=)
#   make test-deps  install what the tests need besides: npm packages, into build-npm
#   make clean      remove what was built (build-npm, which was fetched, stays)

SETUP = meson setup --prefix=/usr
MODULE = src/nginx/ngx_http_encrypter_module.so
FUZZ_SECONDS ?= 60
.DEFAULT_GOAL = build

run: deps build/build.ninja
	ninja -C build --quiet $(MODULE)
	@exec scripts/run build/$(MODULE)

test: build lint test-deps bench-smoke
	meson test -C build --no-rebuild --print-errorlogs

test-large: build test-deps
	ENCRYPTER_E2E_LARGE_MIB=1024 meson test -C build --no-rebuild --print-errorlogs --suite e2e --suite browser

build: deps build/build.ninja
	ninja -C build --quiet

lint: deps build-clang/build.ninja
	scripts/lint
	ninja -C build-clang --quiet

format: deps
	clang-format-14 -i $$(git ls-files '*.c' '*.h')

sanitize: test-deps build-sanitize/build.ninja
	ninja -C build-sanitize --quiet
	meson test -C build-sanitize --no-rebuild --print-errorlogs

fuzz: deps build-fuzz/build.ninja
	ninja -C build-fuzz --quiet
	scripts/fuzz build-fuzz $(FUZZ_SECONDS)

# ROUNDS=, CASES=kernel,requests,..., LARGE=1 for a file of 10 GiB too, QUICK=1 for a look at small files.
bench: bench-deps build-bench
	/usr/bin/python3 -B bench/run.py --rounds $(or $(ROUNDS),$(if $(QUICK),1,5)) $(if $(QUICK),--scale 0.06) \
	    $(if $(LARGE),--large) $(if $(CASES),--only $(CASES)) $(if $(QUICK),build-bench/quick,docs/performance)

screenshots: build test-deps
	ENCRYPTER_MODULE=$(CURDIR)/build/$(MODULE) node --test tests/browser/screenshots.mjs

install: build
	meson install -C build --no-rebuild

clean:
	rm -rf build build-bench build-clang build-sanitize build-fuzz

deps:
	@scripts/install-packages

test-deps: deps
	@scripts/install-npm-packages

# That each case of `make bench` runs: with next to nothing, and without the peers that are not installed.
bench-smoke: build test-deps build-bench/build.ninja
	ninja -C build-bench --quiet $(MODULE) bench/kernel bench/load
	ENCRYPTER_GO_CLIENTS=$(CURDIR)/build/tests/e2e/support /usr/bin/python3 -B bench/run.py --rounds 1 \
	    --scale 0.001 --any-peers build-bench/smoke

bench-deps: test-deps
	@scripts/install-packages gunicorn python3-flask python3-matplotlib

build/build.ninja: | deps
	$(SETUP) build

build-clang/build.ninja: | deps
	CC=clang-14 $(SETUP) --buildtype=debug -Dbenchmark=true build-clang

build-bench: deps build-bench/build.ninja
	ninja -C build-bench --quiet $(MODULE) bench/kernel bench/load tests/e2e/support/paced

build-bench/build.ninja: | deps
	$(SETUP) -Dbenchmark=true build-bench

build-sanitize/build.ninja: | deps
	$(SETUP) -Db_sanitize=address,undefined -Db_lundef=false build-sanitize

build-fuzz/build.ninja: | deps
	CC=clang-14 $(SETUP) -Db_sanitize=address,undefined -Db_lundef=false -Dlibfuzzer=true build-fuzz

.PHONY: run test test-large build lint format sanitize fuzz bench screenshots install clean deps test-deps bench-deps \
    bench-smoke build-bench
