# What a newcomer needs. CONTRIBUTING.md says how long each takes.

.PHONY: demo test test-all bench soak edge

# The whole way on a simulated district: broker, monitors, table, rankings, notice. Ctrl-C ends it.
demo:
	cargo run --bin dustwatch -- demo

# Installs what the tests need, then format, lints and every test.
test:
	scripts/install-test-programs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo build --workspace --bins
	cargo test --workspace

# The same, with the longer campaigns of the property tests, every period of the real stations, and an agent that is killed
# hundreds of times.
test-all:
	scripts/install-test-programs
	PROPTEST_CASES=5000 DUSTWATCH_TEST_ALL_PERIODS=1 DUSTWATCH_TEST_KILLS=300 $(MAKE) test

# Figures for benches/README.md.
bench:
	scripts/install-test-programs
	cargo build --workspace --bins --config benches/profile.toml
	cargo bench --profile dev --config benches/profile.toml

# Processes, broker, network, disks and clock fail at random from a seed; the table is audited: make soak MINUTES=60 SEED=7
soak:
	scripts/install-test-programs
	cargo build --workspace --bins
	DUSTWATCH_SOAK_MINUTES=$${MINUTES:-5} $${SEED:+env DUSTWATCH_TEST_SEED=$$SEED} cargo test --workspace --test soak -- --nocapture

# The edge agent as one stripped file, for this machine and, linked statically, for gateways.
edge:
	scripts/build-edge
