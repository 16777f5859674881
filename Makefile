# Each target sets up what it needs in .venv, from nothing but a Python of at least 3.11.

VENV := .venv
BIN := $(VENV)/bin
CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --editable
FLAGS ?=

.PHONY: demo test test-all parity lint bench results clean

demo: $(VENV)/.core  ## train on scikit-learn's digits: weights, metrics and a picture in runs/digits
	$(BIN)/python -m experiments.digits $(FLAGS)

test: $(VENV)/.test  ## the fast tests: those of a file in one process, which compiles once
	$(BIN)/pytest -n auto --dist loadfile $(FLAGS)

test-all: $(VENV)/.test  ## the slow tests too, with XLA's optimisations
	JAXGAN_TEST_OPTIMISED=1 $(BIN)/pytest -n auto -m "slow or not slow" $(FLAGS)

parity: $(VENV)/.parity  ## what the tests that compare with torch need; they run with the others

lint: $(VENV)/.lint  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(VENV)/.bench  ## against torch, side by side
	$(BIN)/python benchmarks/train_step.py $(FLAGS)
	$(BIN)/python benchmarks/losses.py --quick
	$(BIN)/python benchmarks/metrics.py --quick

results: $(VENV)/.core  ## the tables of RESULTS.md: many hours; goes on where it was interrupted
	$(BIN)/python benchmarks/results.py $(FLAGS)

clean:  ## remove the environment and what can be made again
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "jaxgan needs Python 3.11 or newer; install one" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(PIP) .
	@touch $@

$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(PIP) '.[$*]'
	@touch $@
