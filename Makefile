# make demo and make test do everything, the set-up included. The builds are CMake presets; this file only calls them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
JOBS ?= $(shell scripts/jobs.sh)
FUZZ_SECONDS ?= 60
MODEL ?= examples/tiny/models/tiny-llama.gguf

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps demo test test-release asan tsan fuzz test-arm conformance check wheel format clean

help:                 ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

deps:                 ## install the compiler, tools and libraries that are missing
	@scripts/install-deps.sh

demo: deps            ## build the program; a trained model tells a story and answers a command
	@$(call build,release,linnet_cli)
	@scripts/demo.sh build/release/linnet $(MODEL)

test: test-release asan test-arm  ## build and run every test, again under AddressSanitizer and UBSan, and for Arm
	@scripts/summarise-tests.sh build/release build/asan

test-release: check
	@$(call build,release,all)
	@$(call run_tests,release)
	@scripts/test-python.sh

asan: deps            ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call build,asan,all)
	@$(call run_tests,asan)

test-arm: deps        ## the kernels for 64-bit Arm and the bundled models, cross-compiled, under QEMU
	@scripts/test-arm.sh

tsan: deps            ## the tests under ThreadSanitizer
	@$(call build,tsan,all)
	@$(call run_tests,tsan)

fuzz:                 ## random files for FUZZ_SECONDS (60) each: the GGUF reader, then vocabulary and hyperparameters
	@scripts/install-deps.sh clang
	@$(call build,fuzz,gguf_fuzz model_fuzz)
	@for target in gguf model; do \
	  mkdir -p build/fuzz/found/$$target; \
	  build/fuzz/tests/fuzz/$${target}_fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/found/ \
	    build/fuzz/found/$$target build/fuzz/tests/fuzz/corpus/$$target; done

conformance: deps     ## check logits and tokens against Transformers and tokenizers (installs PyTorch under build/)
	@$(call build,release,linnet_cli)
	@scripts/conformance.sh --check

check: deps           ## layers, documented code, weak functions and formatting
	@scripts/check-layers.py
	@scripts/check-docs.py
	@test ! -e build/release/liblinnet.a || scripts/check-odr.sh build/release
	@scripts/check-format.sh

wheel:                ## the Python wheel and its source distribution, in dist/
	@scripts/build-wheel.sh

format:               ## write all C++ as clang-format 14 does
	@scripts/check-format.sh --fix

clean:                ## remove everything that was built
	rm -rf build

# $(call build,PRESET,TARGET): configures once, then builds what changed.
build = source scripts/compiler-cache.sh; test -f build/$(1)/build.ninja || cmake --preset $(1); \
  cmake --build --preset $(1) --target $(2) --parallel $(JOBS)

# $(call run_tests,PRESET): ctest prints what failed, and its summary.
run_tests = source scripts/compiler-cache.sh; ctest --test-dir build/$(1) --output-on-failure --parallel $(JOBS) --no-tests=error \
  | tee build/$(1)/tests.log
