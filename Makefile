# make run | test | check | bench. Everything is installed into .venv and node_modules of this folder;
# nothing outside it is touched. A stamp names what is installed, so a second start skips all of it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
VENDOR := platform/trackside/ui/static/vendor
PIP := $(PY) -m pip install --no-input --disable-pip-version-check --quiet --quiet
UV_VERSION := 0.13.8
TESTS ?=
# Libraries that not every node needs: `make extras NAMES="catboost jax"`.
EXTRAS := $(basename $(notdir $(wildcard requirements/extras/*.in)))
# Those that a machine without a GPU can try; they fit into one environment.
TESTED := $(filter-out jax-cuda rapids,$(EXTRAS))
NAMES ?=
# Of pytest: two more than CI has cores, since tests wait much for others' processes.
PROCESSES ?= 4

.PHONY: help run fleet test soak check bench lock assets setup setup-test extras format clean

help:
	@echo "make run     start Trackside (PORT=8000, TRACKSIDE_HOME=./var); Ctrl-C stops it"
	@echo "make fleet   the same with three simulated nodes; FLEET='a:8xH100-80GB;b:none' names others"
	@echo "make test    the whole test suite; TESTS='tests/web -k access' runs a part"
	@echo "make extras  more libraries for this node: NAMES='catboost jax'"
	@echo "make check   lint, types, import contracts"
	@echo "make soak    kill every process at every crash point, then at random: MINUTES=60"
	@echo "make bench   the benchmarks that fit this machine, as ratios"
	@echo "make lock    write requirements/*.txt and package-lock.json anew"

run: setup
	@exec $(PY) -m workers.supervisor

FLEET ?= gpu-01:8xH100-80GB;gpu-02:4xA100-80GB;cpu-01:none

fleet: setup
	@exec env TRACKSIDE_FLEET="$(FLEET)" $(PY) -m workers.supervisor

# Compiled files are kept, whatever the environment says: the tests start hundreds of processes.
test: setup-test
	@scripts/machine.sh chromium
	@env -u PYTHONDONTWRITEBYTECODE \
	  $(PY) -m pytest --numprocesses=$(PROCESSES) --no-loadscope-reorder $(TESTS)

MINUTES ?= 60

soak: setup-test
	@$(PY) -m tests.faults.soak --minutes $(MINUTES)

check: setup-test
	@echo "· ruff check"; $(PY) -m ruff check .
	@echo "· ruff format --check"; $(PY) -m ruff format --check .
	@echo "· mypy"; TRACKSIDE_HOME=$(CURDIR)/.mypy_cache/home $(PY) -m mypy
	@echo "· import contracts"; $(VENV)/bin/lint-imports

format: setup-test
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

bench: setup-test
	@$(PY) -m bench

setup: $(STAMPS)/core $(STAMPS)/assets

setup-test: setup $(STAMPS)/test $(STAMPS)/extra-all

extras: setup $(NAMES:%=$(STAMPS)/extra-%)
	@echo "Installed: $(or $(NAMES),nothing. NAMES= one or more of: $(EXTRAS)). Start the agent again."

assets: $(STAMPS)/core
	@rm -f $(STAMPS)/assets; $(MAKE) --no-print-directory $(STAMPS)/assets

$(PY):
	@scripts/venv.sh $(VENV)

$(STAMPS)/core: requirements/core.txt pyproject.toml | $(PY)
	@mkdir -p $(STAMPS)
	@echo "Installing the pinned packages into $(VENV) (PyTorch is about 2 GB; minutes the first time)"
	@$(PIP) --require-hashes --requirement requirements/core.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(STAMPS)/test: requirements/test.txt $(STAMPS)/core
	@echo "Installing what the tests and checks need into $(VENV)"
	@$(PIP) --require-hashes --requirement requirements/test.txt
	@touch $@

# Their locks are whole, so that nothing is resolved anew: what core has stays as it is.
$(STAMPS)/extra-%: requirements/extras/%.txt $(STAMPS)/core
	@echo "Installing the extra $* into $(VENV)"
	@$(PIP) --no-deps --require-hashes --requirement $<
	@touch $@

$(STAMPS)/node: package-lock.json package.json $(STAMPS)/core
	@echo "Fetching the front-end files (htmx, uPlot, fonts, icons) into node_modules"
	@$(PY) scripts/npm.py ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/assets: $(STAMPS)/node scripts/vendor.py scripts/icons.txt
	@$(PY) scripts/vendor.py
	@touch $@

# The compiler of the lock files lives apart: it is no part of the product.
lock: $(STAMPS)/core
	@test -x $(VENV)/lock/bin/uv || { $(PY) -m venv $(VENV)/lock && \
	  $(VENV)/lock/bin/python -m pip install --quiet --no-input uv==$(UV_VERSION); }
	@set -e; for name in core web assets test; do echo "requirements/$$name.txt"; \
	  same=$$([ $$name = core ] || echo --constraint requirements/core.txt); \
	  $(VENV)/lock/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url $$same requirements/$$name.in --output-file requirements/$$name.txt; done
	@set -e; for name in all $(EXTRAS); do echo "requirements/extras/$$name.txt"; \
	  from="requirements/extras/$$name.in --constraint requirements/extras/all.txt"; \
	  [ $$name != all ] || from="$(TESTED:%=requirements/extras/%.in)"; \
	  $(VENV)/lock/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --constraint requirements/core.txt \
	    --override requirements/extras/overrides.txt $$from \
	    --output-file requirements/extras/$$name.txt; done
	@echo "package-lock.json"
	@$(PY) scripts/npm.py install --package-lock-only --ignore-scripts --no-audit --no-fund \
	  --omit-lockfile-registry-resolved --loglevel=error

clean:
	rm -rf $(VENV) node_modules $(VENDOR)
