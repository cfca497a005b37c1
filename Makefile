# The front door: `make help` lists the targets. CI calls the same ones.
# Every target makes .venv first, and again when pyproject.toml has changed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?=
WORKERS ?= 2
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

.PHONY: help install lint type test demo prove bench interop certs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-9s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## make .venv with the project and its development tools

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(STAMP) ## mypy, strict
	$(BIN)/mypy

test: $(STAMP) ## all tests but interop (ARGS="-k name" for some)
	$(BIN)/pytest -m "not interop" -n $(WORKERS) --dist loadfile $(ARGS)

demo: $(STAMP) ## the suite against the bundled reference
	$(BIN)/cimd-conformance demo $(ARGS)

prove: $(STAMP) ## the suite against every flaw: each must be detected
	$(BIN)/cimd-conformance prove $(ARGS)

bench: $(STAMP) ## how long things take
	$(BIN)/python -m benchmarks $(ARGS)

interop: $(STAMP) ## the suite against real implementations (uses registries)
	$(BIN)/pytest -m interop tests/interop $(ARGS)

certs: $(STAMP) ## a local CA and a pair for localhost in build/certs
	$(BIN)/cimd-conformance certs --out build/certs --leaf localhost $(ARGS)

clean: ## remove .venv, caches and build output
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'No Python 3.11 or later with the venv module was found.' >&2; \
	  echo 'Install one (on Debian: python3 and python3-venv),' >&2; \
	  echo 'or name it: make PYTHON=/path/to/python3' >&2; \
	  exit 1; \
	fi; \
	echo "making .venv with $$("$$found" --version)" >&2; \
	"$$found" -m venv .venv
	@$(PIP) install --editable '.[dev]'
	@touch $@
