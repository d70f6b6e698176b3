# Two commands do everything on a machine with Python 3.11 or newer and make:
#   make demo    the black-box table on drawn signs, with a report page
#   make test    the whole test suite
# A second call installs nothing again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz clean

help:  ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(VENV)/installed  ## install, then the black-box table on drawn signs: about 3 minutes
	$(BIN)/blurnet run blackbox

test: $(VENV)/installed-dev  ## install, then the whole test suite
	$(BIN)/python -m pytest -n 2

check: $(VENV)/installed-dev  ## lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(VENV)/installed-dev  ## every reader on broken and hostile files, for 10 minutes
	@$(PIP) --editable '.[fuzz]'
	$(BIN)/python benchmarks/fuzz.py --minutes 10

clean:  ## remove the environment; runs/ stays
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "blurnet needs Python 3.11 or newer; give it as: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "no venv here; on Debian: apt-get install python3-venv" >&2; exit 1; }

# torch goes in first and alone, so that its pin decides which build is taken
$(VENV)/installed: constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing blurnet into $(VENV) (torch is large: about a minute)"
	@$(PIP) torch
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "installing the tools of the test suite into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $@
