# Commands for developers of this checkout. Another interpreter: make setup PYTHON=python3.13
# Fewer packages: make setup EXTRAS=test,parquet

PYTHON ?= python3
EXTRAS ?= dev
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(EXTRAS)
BASE := .venv-base

.DEFAULT_GOAL := help
.PHONY: help setup browser demo test test-base size check docs links test-pythons soak bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with charloom and the developers' tools

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

$(BASE)/.ready: pyproject.toml constraints.txt
	test -x $(BASE)/bin/python || $(PYTHON) -m venv $(BASE)
	$(BASE)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

browser: ## install Debian's Chromium, node and wabt for the tests of HTML and JavaScript
	command -v chromium >/dev/null && command -v node >/dev/null && command -v wat2wasm >/dev/null || { \
		apt-get update -qq && apt-get install -y -qq chromium nodejs wabt; }

demo: $(BASE)/.ready ## train on English facts for a minute, then show what temperature does
	$(BASE)/bin/charloom train facts --minutes 1 -o runs/facts --force
	$(BASE)/bin/charloom temperatures runs/facts

test: setup ## run the test suite, or TESTS=tests/laws
	$(BIN)/python -m pytest $(TESTS)

test-base: $(BASE)/.ready ## run the tests that need no extra, in .venv-base, which has none; or TESTS
	$(BASE)/bin/python -m pytest -q -m "not slow and not soak" --doctest-ignore-import-errors $(TESTS)

size: setup ## measure the size of the installed wheel with all that it requires
	$(BIN)/python benchmarks/install_size.py

check: setup ## lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test-pythons: ## run the test suite on Debian's stable and testing Pythons, in roots made by debootstrap
	.ci/test-pythons

soak: setup test-base ## the long tests: random examples and kills a hundred times as often, other environments in full
	CHARLOOM_SOAK=100 $(BIN)/python -m pytest -m soak
	.ci/test-pythons

docs: setup ## write docs/cli.md, run the examples of the pages, and build the site in build/site
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/run_examples.py
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going build/docs-source build/site

links: setup ## open every external link of the site; needs the network
	$(BIN)/python -m sphinx --quiet -b linkcheck -D nb_execution_mode=off \
		-D suppress_warnings=image.not_readable docs build/links

bench: setup ## measure speed and quality, beside other programs: an hour
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/lesson.py
	$(BIN)/python benchmarks/quality.py

clean: ## remove the environment, caches and what make demo made
	rm -rf $(VENV) $(BASE) benchmarks/peers/.venv runs/facts dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
