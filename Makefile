# One word per job; `make help` lists them. Everything runs in .venv, made from the lock file.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
# A process that may not keep its bytecode compiles for 1.5 s at every start; the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
CODE := $(wildcard schemas stream agents dashboard cli sandbox chaos bench tests)
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ORDERS ?= 120
BROKERS ?= 1
PROFILE ?= plain
STORE ?= plain
KEEP ?=
ONLY ?=
SCALE ?= 1
MINUTES ?= 10
RUNS ?= 20
ROUNDS ?= 20000
# Each job has a broker of its own (300 MB); the tests wait more than they compute.
JOBS ?= 3
# What needs no network only computes. Two plain processes with half of the folders each need a third
# less than two of xdist's, which both read every test file and report every test.
ONE_HALF := $(patsubst %,tests/unit/%/,agents schemas stream)
OTHER_HALF := $(filter-out $(ONE_HALF) %/__pycache__/,$(wildcard tests/unit/*/ tests/unit/test_*.py)) \
  tests/test_architecture.py tests/test_documentation.py
QUICK := -q -m "not hypothesis and not slow"
beside = @$(MAKE) --no-print-directory -j3 $(and $(filter output-sync,$(.FEATURES)),-Otarget) SIDE_BY_SIDE=1 $(1)

.PHONY: check one-half other-half offline mutants quicken forget-skipped help demo test attack chaos expulsions proofs bench unit unit-all advisories sbom lint integration e2e docs broker-check setup clean

help: ## list the jobs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

demo: setup broker-check ## the main job end to end, in front of you (KEEP=1: leave it up; ORDERS=n; BROKERS=3; PROFILE=awkward; STORE=real-world)
	@exec $(BIN)/orderstream demo --orders $(ORDERS) --brokers $(BROKERS) --profile $(PROFILE) --store $(STORE) $(if $(KEEP),--keep)

check: setup ## format, lint, types, contracts, unit tests: under a minute on two quiet cores
	$(call beside,lint one-half other-half)

test: setup broker-check forget-skipped offline integration e2e ## everything but the long proofs, on a real broker
	@$(BIN)/python -m tests.support.skipped tell

forget-skipped:
	@$(BIN)/python -m tests.support.skipped begin

unit: setup ## tests without network, by example
	$(call beside,one-half other-half)

one-half: setup
	$(PYTEST) $(QUICK) $(ONE_HALF)

other-half: setup
	$(PYTEST) $(QUICK) $(OTHER_HALF)

offline: setup ## format, lint, types, contracts, every test without network: examples and properties
	$(call beside,lint one-half other-half QUICK=-q)

properties: setup ## tests without network, for any input (hypothesis) or over thousands
	$(PYTEST) -n 2 -m "hypothesis or slow" tests/unit

unit-all: setup ## the unit tests on every Python from 3.11 on that this machine has, pyenv's too
	@PATH="$$(printf '%s:' $(wildcard $(HOME)/.pyenv/versions/3.1[1-9].*/bin))$$PATH"; failed=; \
	for python in python3.11 python3.12 python3.13 python3.14; do \
	  command -v $$python > /dev/null && $$python -c 'import venv' 2> /dev/null || { echo "$$python: not here"; continue; }; \
	  echo "== $$($$python -V)"; \
	  test -x .venv-$$python/bin/python || $$python -m venv .venv-$$python; \
	  .venv-$$python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock \
	  && .venv-$$python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . --editable ./sandbox \
	  && .venv-$$python/bin/python -m pytest -n 2 $(QUICK) $(ONE_HALF) $(OTHER_HALF) \
	  || failed="$$failed $$python"; \
	done; test -z "$$failed" || { echo "failed on:$$failed" >&2; exit 1; }

advisories: setup ## ask an advisory database about the locks (exit 3: it could not be asked)
	@$(BIN)/python deploy/advisories.py requirements.lock requirements-otel.lock requirements-dev.lock

sbom: setup ## what the image consists of, as CycloneDX: sbom.json
	$(BIN)/python deploy/sbom.py requirements-otel.lock > sbom.json

quicken: setup
	@$(BIN)/python -m sandbox.broker --quicken

integration: quicken ## tests on the real broker and the simulators
	$(PYTEST) -n $(JOBS) --dist loadfile -m "not proof" tests/contract tests/integration tests/attacks

attack: setup ## hostile requests at every server of ours, for minutes (ROUNDS=n per server)
	ATTACK_ROUNDS=$(ROUNDS) $(PYTEST) -n 2 --timeout 900 tests/attacks

e2e: quicken ## stories: the product's own processes, one story of a kind
	$(PYTEST) -n $(JOBS) --dist load -m "not proof" tests/e2e

proofs: quicken broker-check ## the long stories that `make test` leaves out, a quarter of an hour
	HYPOTHESIS_PROFILE=search $(PYTEST) -n 2 -m "hypothesis or slow" tests/unit
	$(PYTEST) -n $(JOBS) --dist load -m proof tests

chaos: quicken broker-check ## every way we know to hurt the pipe, an hour: docs/chaos.md (ONLY=name; SCALE=small; goes on where it was)
	@exec $(BIN)/python -m chaos --scale $(SCALE) $(foreach name,$(ONLY),--only $(name))

mutants: setup ## is every line of the pure core held by a unit test: docs/mutation.md (ONLY=module; MINUTES=n; goes on where it was)
	@$(BIN)/python -m tests.mutation --minutes $(MINUTES) $(ONLY)

expulsions: setup broker-check ## workers that the group expels, RUNS times each: no old state over a newer one
	@EXPULSION_RUNS=$(RUNS) $(BIN)/python -m pytest -q tests/e2e/test_an_expelled_worker.py

bench: setup broker-check ## every figure we claim, measured, an hour: docs/benchmarks.md (ONLY=part; MINUTES=n)
	@exec $(BIN)/python -m bench --minutes $(MINUTES) $(foreach name,$(ONLY),--only $(name))

lint: setup ## format, ruff, types, import contracts
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup ## make the generated documents again
	$(BIN)/orderstream settings --markdown > docs/settings.md
	$(BIN)/orderstream settings --env > .env.example
	$(BIN)/orderstream topics docs
	$(BIN)/python -m agents.salesforce.errors.reference > docs/salesforce-errors.md
	$(BIN)/python -m bench --page

broker-check: setup ## say what is missing for a Kafka broker, if anything
	@$(BIN)/python -m sandbox.broker --check

setup: .venv/.stamp ## the virtual environment

.venv/.stamp: requirements-dev.lock pyproject.toml sandbox/pyproject.toml
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo "orderstream needs Python 3.11 or newer, found: $$("$(PYTHON)" -V 2>&1 || echo none)." >&2; \
	  echo "Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv module: install it (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "setting up .venv from requirements-dev.lock (once, about a minute)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --editable . --editable ./sandbox
	@touch $@

clean: ## remove what the jobs made; downloads and .env stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info sandbox/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
