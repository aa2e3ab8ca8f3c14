# Everything happens in .venv of this directory; nothing outside it is changed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3
# Tests marked `long` (full sweeps, a million keys, hundreds of kills) belong to `make test-all` alone.
MARK ?= not long
STRICT := $(addprefix s3console/,core s3 store listings run workflow demo cli config.py)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet

.PHONY: help install demo test test-all lint types screenshots bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.made:
	@set -e; python=; \
	for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or newer was found. Install it, for instance: apt-get install python3 python3-venv" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "Python has no venv module. Install it, for instance: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV); \
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml requirements.lock
	@echo "installing s3console into $(VENV) ..."
	@$(PIP) install --constraint requirements.lock --editable '.[demo]'
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "installing what the tests need into $(VENV) ..."
	@$(PIP) install --constraint requirements.lock --editable '.[demo,dev]'
	@touch $@

install: $(VENV)/.installed ## make .venv with the command .venv/bin/s3console

demo: $(VENV)/.installed ## start the embedded S3 with its stories and open the console on it
	@$(BIN)/s3console demo

test: lint types ## install what the tests need and run all of them
	@command -v radosgw >/dev/null && command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null || \
	  echo "Ceph is not installed: tests on a real gateway are skipped (apt-get install radosgw ceph-mon ceph-osd ceph-common)"
	@command -v tmux >/dev/null || \
	  echo "tmux is not installed: tests in a real terminal are skipped (apt-get install tmux)"
	@$(BIN)/python -m pytest -m "$(MARK)" -n $(WORKERS) --dist loadfile $(ARGS); code=$$?; \
	if [ $$code -gt 1 ]; then echo "The tests did not run to their end: pytest ended with $$code." >&2; fi; \
	[ $$code -eq 1 ] || exit $$code; \
	echo "Once more and alone, what failed beside other tests (FAILED and ERROR above): real servers keep time."; \
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m "$(MARK)" $(ARGS); code=$$?; \
	if [ $$code -eq 0 ]; then echo "All of it passed alone; what is named above is worth steadying."; \
	else echo "FAILED and ERROR above name what failed twice: pytest ended with $$code." >&2; fi; \
	exit $$code

test-all: ## all tests, the long ones as well: full sweeps, a million keys, hundreds of kills
	@$(MAKE) test MARK="long or not long"

lint: $(VENV)/.tested ## ruff
	@$(BIN)/ruff check s3console tests

types: $(VENV)/.tested ## mypy --strict
	@$(BIN)/mypy $(STRICT)

screenshots: $(VENV)/.tested ## draw the pictures of the README anew
	@$(BIN)/python screenshots/make.py $(ARGS)

bench: $(VENV)/.tested ## measure s3console beside s5cmd, rclone and the AWS CLI (ARGS='--rows list,copy=50000')
	@$(BIN)/python tests/bench/bench.py $(ARGS)

clean: ## remove .venv and everything that was built
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .bench *.egg-info
	@find s3console tests -name __pycache__ -type d -prune -exec rm -rf {} +
