# Every habit of this repository, one line each. `make help` lists them.
#
# Tests and checks use the cargo profile `ci` (Cargo.toml) and always the whole workspace: another
# profile or selection would build DataFusion again, which takes minutes.

CI := --profile ci --workspace
.DEFAULT_GOAL := help
.PHONY: help run build ui e2e test check fmt lint fix bench bench-guard bench-logs nightly doc deny unused soak proof fuzz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The UI is embedded when it was built before; where Node is missing, the server runs without.
WEB := ui/web
SOURCES := $(wildcard $(shell git ls-files --cached --others --exclude-standard $(WEB) 2>/dev/null))
WITH_UI := $(if $(and $(shell command -v npm),$(wildcard $(WEB)/package.json)),ui)

run: $(WITH_UI) ## build UI (where there is Node) and server for release, and start the server
	cargo run --release

build: $(WITH_UI) ## build the release binary, target/release/oriel
	cargo build --release

ui: $(WEB)/dist/index.html ## build the web UI, which the next build of the server embeds

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(SOURCES)
	cd $(WEB) && npm run build
	@touch $@

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund
	@touch $@

e2e: ## drive the UI of the ci build in a real browser
	$(WEB)/e2e/run.sh

test: ## build with the ci profile and run every test
	$(if $(shell command -v cargo-nextest),cargo nextest run --cargo-profile ci --workspace,cargo test $(CI))

check: fmt lint test ## what a change must pass: formatter, clippy, tests

fmt: ## is everything formatted?
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	cargo clippy $(CI) --all-targets -- -D warnings

fix: ## format, and apply what clippy can fix by itself
	cargo clippy $(CI) --all-targets --fix --allow-dirty --allow-staged
	cargo fmt --all

bench: ## measure: criterion benches of the crates, then bench-logs
	cargo bench --workspace --benches
	$(MAKE) bench-logs

bench-guard: ## count the instructions of the hot paths (valgrind); ACCEPT=1 keeps the new counts
	python3 tests/bench/guard.py $(if $(ACCEPT),--accept)

LINES ?= 1M
bench-logs: ## log search in Oriel, ClickHouse and DuckDB, answers checked equal (LINES, ARGS)
	cargo build --release
	ORIEL=$$(cargo metadata --no-deps --format-version 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])'); \
	tests/bench/logs/run.sh --oriel "$$ORIEL/release/oriel" --lines $(LINES) $(ARGS)

nightly: doc deny unused soak bench ## what is too slow for every change

doc: ## API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

deny: ## licences, advisories, doubled versions
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check

unused: ## dependencies that nothing uses
	@command -v cargo-machete >/dev/null || cargo install --locked cargo-machete
	cargo machete

proof: ## what the store claims: histories, crashes, cuts, flipped bits, hostile bytes; one table
	tests/proof.sh

soak: ## property tests and the proof, many more than in `make test`: an hour or two
	PROPTEST_CASES=4096 cargo test $(CI) --lib
	ORIEL_MODEL_SEEDS=5000 ORIEL_FLIPS=10000 ORIEL_CRASH_ROUNDS=50 ORIEL_SOAK_ROUNDS=500 ORIEL_REPLAY_ROUNDS=50 ORIEL_OVERLOAD_SECONDS=60 ORIEL_FUZZ_CASES=100000 tests/proof.sh

fuzz: ## libFuzzer on every decoder of bytes from outside (nightly, cargo-fuzz; TARGET, SECONDS_EACH)
	fuzz/run.sh
