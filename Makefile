# Two commands: `make demo` and `make test`. Everything runs in .venv; nothing else is installed or assumed.

PYTHON ?= python3
SERVE ?= 1
BIN := .venv/bin
CODE := hexapolis crawler classify store compare demo pipeline.py scheduler.py

.PHONY: demo test faults lint format bench clean

demo: .venv/ready
	$(BIN)/hexapolis demo $(if $(filter 0 no false,$(SERVE)),--no-serve)

test: .venv/ready
	$(BIN)/python -m pytest

# The slow suite: a farm of sites with faults, kills, a full disk, damaged input.
faults: .venv/ready
	$(BIN)/python -m pytest tests/faults -n0 -s

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Measurements: quality and speed as ratios within one run. Not part of the tests.
bench: .venv/ready
	$(BIN)/python -m bench

clean:
	rm -rf .venv build data

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hexapolis needs Python 3.11 or later: make PYTHON=python3.11 …" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready
