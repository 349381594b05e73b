# make demo     sets this machine up, builds, shows what treering does
# make test     sets this machine up, builds, runs all tests
#
# Everything is built with one profile and one set of features, so that RocksDB is compiled once (a quarter of an hour on two cores).

.PHONY: build demo test lint bench bench-verbs bench-peers instructions instructions-record fuzz setup help

CARGO ?= cargo
ALL := --release --workspace --all-features
TREERING = $(or $(CARGO_TARGET_DIR),target)/release/treering
BENCH_ARGS ?= --keys 1000000 --batch 10000 --blocks 20
VERB ?=
PEERS_ARGS ?= 3
FUZZ_SECONDS ?= 60

help:
	@echo "make demo    set this machine up, build, and see what treering does (under a minute after the first build)"
	@echo "make test    set this machine up, build, and run all tests"
	@echo "make build   the command line, target/release/treering"
	@echo "make lint    formatting, clippy, documentation"
	@echo "make bench   the workload that treering's figures come from; BENCH_ARGS='$(BENCH_ARGS)'"
	@echo "make bench-verbs          each verb, timed; VERB=get for one, TREERING_BENCH_KEYS=1000000 for more keys"
	@echo "make bench-peers          treering beside other stores; PEERS_ARGS='$(PEERS_ARGS)', or '--help'"
	@echo "make instructions         counts instructions with valgrind, and compares them with benches/instructions.json"
	@echo "make instructions-record  writes benches/instructions.json"
	@echo "make fuzz    every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)"

setup:
	@.ci/setup

build: setup
	$(CARGO) build $(ALL)

demo: build
	@$(TREERING) demo

test: setup
	$(CARGO) test $(ALL)

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(ALL) --no-deps

bench: build
	$(TREERING) bench $(BENCH_ARGS)

BENCH := $(CARGO) bench --profile release --workspace --all-features --bench

bench-verbs: setup
	$(BENCH) verbs -- $(VERB)

bench-peers: setup
	benches/peers/run $(PEERS_ARGS)

instructions: setup
	$(BENCH) instructions

instructions-record: setup
	$(BENCH) instructions -- --record

fuzz: setup
	fuzz/run all $(FUZZ_SECONDS)
