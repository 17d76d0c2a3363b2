# Everything a checkout can do. `make` alone lists it.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MINUTES ?=
SEED ?=
SOURCE ?=
# Test processes: two a processor, for the tests wait more than they compute.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n > 4 ? 8 : 2 * n)))

# Where chaos scenarios leave what they measured, a folder for each run.
RECORDS := build/chaos
RUNS ?= 1
# So often, until one fails; $(1): all or short.
chaos_runs = rm -rf $(RECORDS); code=0; for run in $$(seq $(RUNS)); do \
  SOCKQ_CHAOS=$(1) SOCKQ_CHAOS_RECORDS=$(RECORDS)/$$run $(BIN)/pytest -n $(JOBS) --dist worksteal tests/chaos $(ARGS) \
  || { code=$$?; break; }; done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test chaos chaos-short chaos-report chaos-soak chaos-resend lint format bench settings dist clean typing-links

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.installed  ## sockq demo: a fleet on the memory queue, events, a receiver (ARGS=--status: the live screen)
	@$(BIN)/sockq demo $(ARGS)

test: $(VENV)/.test  ## all tests, on real servers and processes (ARGS= goes to pytest, JOBS= processes)
	@.ci/needs redis-server nginx mariadbd postgres promtool
	@$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

chaos: $(VENV)/.test  ## every chaos scenario on every source, then the table (RUNS=10; MINUTES=60 adds a soak)
	@.ci/needs redis-server
	@$(call chaos_runs,all); $(BIN)/python tests/chaos/report.py $(RECORDS); exit $$code
	@if [ -n "$(MINUTES)" ]; then $(MAKE) --no-print-directory chaos-soak; fi

chaos-short: $(VENV)/.test  ## every chaos scenario on one source, a few minutes, then the table (RUNS=10)
	@.ci/needs redis-server
	@$(call chaos_runs,short); $(BIN)/python tests/chaos/report.py $(RECORDS); exit $$code

chaos-report: $(VENV)/.test  ## the table of the last make chaos or chaos-short
	@$(BIN)/python tests/chaos/report.py $(RECORDS)

chaos-soak: $(VENV)/.test  ## random kills for long: MINUTES=60 SEED= SOURCE=v1 (ARGS="--rate 300")
	@.ci/needs redis-server
	@SOCKQ_CHAOS_RECORDS=$(RECORDS) $(BIN)/python tests/chaos/soak.py \
	  --minutes $(or $(MINUTES),60) --source $(or $(SOURCE),v1) $(if $(SEED),--seed $(SEED)) $(ARGS)

chaos-resend: $(VENV)/.test  ## how soon a killed worker's jobs are sent again, 200 kills a source (ARGS="--source v1")
	@.ci/needs redis-server
	@$(BIN)/python tests/chaos/resend.py $(ARGS)

lint: $(VENV)/.lint typing-links  ## ruff, mypy --strict and the rule that no floor imports upwards
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy -p sockq.drivers -p sockq.workers -p sockq.supervisor
	@$(BIN)/mypy tests
	@$(BIN)/lint-imports

format: $(VENV)/.lint  ## rewrite the source in the house style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/.test  ## how fast a real fleet empties a real Redis (ARGS="--workers 2 --pin")
	@.ci/needs redis-server nginx
	@$(BIN)/python tests/benchmarks/drain.py $(ARGS)

settings: $(VENV)/.installed  ## write deploy/SETTINGS.md anew from the table of settings
	@$(BIN)/sockq settings-reference > $@.tmp && mv $@.tmp deploy/SETTINGS.md

dist: $(VENV)/.dist  ## sdist and wheel, in dist/
	@rm -rf dist
	@$(BIN)/python -m build --quiet
	@ls -1 dist

clean:  ## remove everything that was made here, the virtual environment included
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The type checker and the import linter read the three folders under their import names.
typing-links:
	@mkdir -p build/typing/sockq
	@for d in drivers workers supervisor; do ln -sfn ../../../$$d build/typing/sockq/$$d; done

# Stamps: a second run is instant; a changed pyproject.toml installs again.
STAMP := pyproject.toml .ci/venv

$(VENV)/.installed: $(STAMP)
	@.ci/venv $(VENV)
	@touch $@

$(VENV)/.test: $(STAMP)
	@.ci/venv $(VENV) test
	@touch $(VENV)/.installed $@

$(VENV)/.lint: $(STAMP)
	@.ci/venv $(VENV) test lint
	@touch $(VENV)/.installed $(VENV)/.test $@

$(VENV)/.dist: $(STAMP)
	@.ci/venv $(VENV) dist
	@touch $@
