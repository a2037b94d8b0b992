# make run    a small session on a simulated microscope      make run ARGS="--seed 7"
# make test   every check and the test suite                  make test PYTEST_ARGS="-x tests/optics"
# make bench  what the README claims, measured
# Each makes .venv/ by itself, with the versions of constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST_ARGS ?= -n 2
CODE := src tests benchmarks
# Editable and without build isolation, so that the build backend is pinned too.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt

.PHONY: run test bench check clean for-tests
.DELETE_ON_ERROR:

run: $(VENV)/.run
	$(BIN)/eucentric run --application msi-t-small $(ARGS)

test: check for-tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

for-tests:
	@sh tools/for-tests.sh

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)' here. Install Python 3.11 or later, or say which: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "eucentric needs Python 3.11 or later; '$(PYTHON)' is `$(PYTHON) -V 2>&1`. Say which to use: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "This Python can't make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.build: $(VENV)/.python constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables
	@touch $@

$(VENV)/.run: $(VENV)/.build pyproject.toml
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.build pyproject.toml
	$(INSTALL) -e '.[dev,formats]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.build pyproject.toml
	$(INSTALL) -e '.[dev,formats,bench]'
	@touch $@ $(VENV)/.dev $(VENV)/.run
