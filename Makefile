# `make run` and `make test` need git, make and Swift; what else is missing is installed by scripts/.
# The tests have a build directory of their own, so that `make test` and `make build` do not undo each other's work.

SHELL := /bin/bash
.DEFAULT_GOAL := build
DATA ?= ./data
DEMO ?= ./demo

# Optimised, because the crash and fault tests run many thousand scenarios and what ships is what should be tested;
# -enable-testing, because tests look inside modules.
TEST_FLAGS := --scratch-path .build/testing -c release -Xswiftc -enable-testing --disable-xctest

.PHONY: build run demo demo-backup test torture fuzz conformance tools bench bench-quick bench-tools bench-peers \
	deb lint format dependencies

build: dependencies
	swift build -c release --static-swift-stdlib --product chat-server

run: build
	.build/release/chat-server serve --data-dir $(DATA)

demo: build
	.build/release/chat-server init --data-dir $(DEMO) --demo
	.build/release/chat-server serve --data-dir $(DEMO)

# A Debian package of the release binary with a service, in .build/deb.
deb: build
	scripts/deb.sh .build/release/chat-server

# Copies the directory of a loaded server with cp -r, kills it, serves the copy, and looks for what was acknowledged.
demo-backup: build
	scripts/demo-backup.sh .build/release/chat-server

test: dependencies
	swift test $(TEST_FLAGS)

# Everything enumerated instead of sampled, and long random lives. Prints what it did and how often.
torture: dependencies
	CHAT_TORTURE=1 swift test $(TEST_FLAGS)

# Every decoder of the store for FUZZ_SECONDS each (60).
fuzz: dependencies
	scripts/fuzz.sh

# Real clients and public suites against the SocketIO module: Tests/Conformance/README.md.
conformance: dependencies
	scripts/conformance.sh

# Programs of Benchmarks/, built beside the product (Package.swift says why a variable asks for them).
BENCH_TOOLS := store-benchmark engine-benchmark socket-benchmark core-loops
OTHER_TOOLS := stream-benchmark agents-benchmark log-preallocation socket-load
tool = for tool in $(1); do CHAT_TOOLS=benchmarks swift build -c release --scratch-path .build/tools \
	--product $$tool || exit 1; done

tools: dependencies bench-peers
	$(call tool,$(BENCH_TOOLS) $(OTHER_TOOLS))

bench-tools: dependencies bench-peers
	$(call tool,$(BENCH_TOOLS))

bench-peers:
	scripts/bench-peers.sh

# The server beside other servers and stores: Benchmarks/README.md. BENCH: options of Benchmarks/harness/run.py.
bench: build bench-tools
	PYTHONDONTWRITEBYTECODE=1 python3 Benchmarks/harness/run.py $(BENCH)

bench-quick: build bench-tools
	PYTHONDONTWRITEBYTECODE=1 python3 Benchmarks/harness/run.py --quick $(BENCH)

lint:
	swift format lint --strict --recursive Sources Tests Benchmarks Package.swift
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/*.sh; fi

format:
	swift format --in-place --recursive Sources Tests Benchmarks Package.swift

dependencies:
	@scripts/install-dependencies.sh
	@scripts/fetch-swagger-ui.sh
