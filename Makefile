# `make run` and `make test` need git, make and Swift; what else is missing is installed by scripts/.
# The tests have a build directory of their own, so that `make test` and `make build` do not undo each other's work.

SHELL := /bin/bash
.DEFAULT_GOAL := build
DATA ?= ./data

# Optimised, because the crash and fault tests run many thousand scenarios and what ships is what should be tested;
# -enable-testing, because tests look inside modules.
TEST_FLAGS := --scratch-path .build/testing -c release -Xswiftc -enable-testing --disable-xctest

.PHONY: build run test conformance lint format dependencies

build: dependencies
	swift build -c release --static-swift-stdlib --product chat-server

run: build
	.build/release/chat-server serve --data-dir $(DATA)

test: dependencies
	swift test $(TEST_FLAGS)

# Real clients and public suites against the SocketIO module: Tests/Conformance/README.md.
conformance: dependencies
	scripts/conformance.sh

lint:
	swift format lint --strict --recursive Sources Tests Package.swift
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/*.sh; fi

format:
	swift format --in-place --recursive Sources Tests Package.swift

dependencies:
	@scripts/install-dependencies.sh
