# `make` lists the targets. Everything is made from requirements.lock into .venv; nothing else is needed
# but python3 and make (and, for the tests, the Debian packages below).
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DEBIAN_PACKAGES := chromium unixodbc

.PHONY: help demo test test-slow test-spark lint lint-infra serve docs bench-accuracy bench-origins bench-shapes bench-train bench-refit bench-value bench-cold-start bench-peers bench-store bench-sizes bench-api bench-warehouse bench-engines bench-ingest bench-dashboard bench-mutation bench bench-run lock clean system-packages

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# pip verifies the installer's own hash from the lock; uv then verifies all others and is much faster than pip.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=python3.12, for example."; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/debian-packages python3-venv
	@echo "Creating .venv from requirements.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@awk '/^[^ #]/ {keep = /^uv==/} keep' requirements.lock > .venv/installer.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/installer.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# What the product never imports has an environment of its own: Spark, which is large; the clouds' libraries and checkov,
# and mlforecast, whose pins are not the product's; the bill of materials, whose libraries slow down every start of dbt.
define environment
.venv-$(1)/.installed: $(2)/requirements.lock | $(STAMP)
	@echo "Creating .venv-$(1) from $(2)/requirements.lock"
	@test -x .venv-$(1)/bin/python || $(PYTHON) -m venv .venv-$(1)
	@$(BIN)/uv pip sync --quiet --python .venv-$(1)/bin/python --require-hashes $(2)/requirements.lock
	@touch $$@
endef
$(eval $(call environment,spark,tests/spark))
$(eval $(call environment,infra,tests/infra/sdk))
$(eval $(call environment,az,tests/infra/az))
$(eval $(call environment,peers,benchmarks/peers))
$(eval $(call environment,mutation,benchmarks/mutation))
$(eval $(call environment,sbom,.ci/sbom))

demo: $(STAMP) ## the main job, end to end, on simulated data: `demand run`
	@$(BIN)/demand run

system-packages:
	@.ci/debian-packages $(DEBIAN_PACKAGES)

# Azurite, the blob server that the tests of the lake start. npm verifies the hashes of its lock.
AZURITE := tests/infra/azurite
$(AZURITE)/node_modules/.package-lock.json: $(AZURITE)/package-lock.json
	@command -v npm >/dev/null || .ci/debian-packages nodejs npm
	@if command -v npm >/dev/null; then echo "Installing Azurite" && cd $(AZURITE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel error; fi

test: $(STAMP) system-packages $(AZURITE)/node_modules/.package-lock.json lint ## lint, types and the test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

test-slow: $(STAMP) ## the tests that take over a minute each
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m slow

test-spark: $(STAMP) .venv-spark/.installed ## the dbt models on a local Spark with Delta tables, compared with DuckDB row by row
	@command -v java >/dev/null || .ci/debian-packages default-jre-headless
	@command -v java >/dev/null || { echo "Spark needs Java 17 or later, which is not here: see above."; exit 2; }
	.venv-spark/bin/python -m pytest tests/spark --timeout 1800

# The real Databricks CLI and its fake workspace; go.sum holds the hashes of all that they are built from.
DATABRICKS := tests/infra/databricks/cli
.venv-infra/go/databricks: $(DATABRICKS)/go.mod $(DATABRICKS)/go.sum $(DATABRICKS)/workspace/main.go | .venv-infra/.installed
	@if command -v go >/dev/null; then echo "Building the Databricks CLI" && mkdir -p .venv-infra/go && cd $(DATABRICKS) \
	  && GOFLAGS=-mod=mod go build -o $(CURDIR)/.venv-infra/go/ github.com/databricks/cli ./workspace \
	  && mv $(CURDIR)/.venv-infra/go/cli $(CURDIR)/.venv-infra/go/databricks; \
	elif [ "$$CI" = true ]; then echo "Go is needed to build the Databricks CLI" && exit 1; \
	else echo "Go is not installed: the bundle is not deployed to the fake workspace."; fi

lint-infra: $(STAMP) .venv-infra/.installed .venv-az/.installed .venv-infra/go/databricks ## infra/ against the clouds' own models and tools, and checkov
	.venv-infra/bin/python -m pytest tests/infra/sdk

# sqlfluff reads compiled SQL, which needs a warehouse: it runs in tests/dbt_project.
lint: $(STAMP) ## ruff, mypy, import contracts, the workflows (actionlint, zizmor), secrets in files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet .github
	@.ci/secrets

.PHONY: audit sbom
audit: $(STAMP) ## known vulnerabilities in requirements.lock (asks the advisory database)
	@.ci/audit

sbom: $(STAMP) .venv-sbom/.installed ## what the environment is made of, as CycloneDX: artifacts/sbom.json
	@mkdir -p artifacts
	.venv-sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file artifacts/sbom.json $(BIN)/python

serve: $(STAMP) ## the API and the dashboard on the demo's store
	@$(BIN)/demand serve --with-dashboard

docs: $(STAMP) ## one static site of lineage, data quality and API: data/site/index.html
	@$(BIN)/demand docs

# One after the other, each alone on the machine. The parts after the first four read the marts in DEMAND_HOME, made here.
bench: bench-run bench-ingest bench-warehouse bench-engines bench-sizes ## every benchmark, on the real M5 data in DEMAND_DATA_DIR; a day's work for two cores
	$(BIN)/demand ingest && $(BIN)/demand build
	$(MAKE) bench-train bench-refit bench-peers bench-accuracy bench-value bench-cold-start bench-store bench-api bench-dashboard

bench-run: $(STAMP) ## `demand run` from raw zip to served, with one more day, and with nothing new: CA_1, then all of M5
	$(BIN)/python -m benchmarks.run --stores CA_1,all --last-day 2016-05-22 --write

bench-warehouse: $(STAMP) ## all of M5's marts in full, and one more day: time and memory
	$(BIN)/python -m benchmarks.warehouse --tests --write

bench-engines: $(STAMP) .venv-spark/.installed ## the dbt models on DuckDB and on a local Spark, side by side (needs Java)
	$(BIN)/python -m benchmarks.engines --stores 1,4 --write

bench-ingest: $(STAMP) ## seconds and memory of reading the raw files, beside pandas
	$(BIN)/python -m benchmarks.ingest --write

bench-sizes: $(STAMP) ## 20 items to 200,000 series of made-up sales: time and memory of each step
	$(BIN)/python -m benchmarks.sizes --write

bench-store: $(STAMP) ## publish speed against a bare executemany
	$(BIN)/python -m benchmarks.store --write

bench-accuracy: $(STAMP) ## every forecaster on five folds of the real M5 marts in DEMAND_HOME; goes on where it stopped
	$(BIN)/python -m benchmarks.accuracy

bench-origins: $(STAMP) ## node forecasts from 26 origins, four weeks apart, of the real M5 marts in DEMAND_HOME; goes on where it stopped
	$(BIN)/python -m benchmarks.origins

bench-shapes: $(STAMP) ## twelve made-up retailers of other shapes, ours against simple forecasts; goes on where it stopped
	$(BIN)/python -m benchmarks.shapes

bench-train: $(STAMP) ## seconds, memory and growth of train and forecast for 1 to 10 stores and 2 to 5 years of the marts in DEMAND_HOME
	$(BIN)/python -m benchmarks.training --stores 1,2,5,10 --history 730,1094,1458 --write

bench-refit: $(STAMP) ## accuracy and seconds of forecasting with last week's model, on the real M5 marts in DEMAND_HOME
	$(BIN)/python -m benchmarks.refit --write

bench-value: $(STAMP) ## stock and cost of orders from our forecast against simpler ones, on the real M5 marts in DEMAND_HOME
	$(BIN)/python -m benchmarks.value --write

bench-cold-start: $(STAMP) ## forecasts of items launched around five folds, with and without what is expected of new items
	$(BIN)/python -m benchmarks.cold_start --stores CA_1,TX_2,WI_1 --write

bench-peers: $(STAMP) .venv-peers/.installed ## seconds, memory and WRMSSE beside mlforecast, AutoETS, Prophet and a model an item
	$(BIN)/python -m benchmarks.peers --write
	$(BIN)/python -m benchmarks.peers --folds 2016-03-27,2016-02-28 --only middle_out,mlforecast --write

bench-dashboard: $(STAMP) ## first page and change of item in Chromium, over a full-size store
	$(BIN)/python -m benchmarks.dashboard --write

bench-mutation: $(STAMP) .venv-mutation/.installed ## share of small faults in what decides money and serving that the tests notice
	$(BIN)/python -m benchmarks.mutation --write

bench-api: $(STAMP) ## API throughput against a bare route, the straightforward one and the seed's
	$(BIN)/python -m benchmarks.api --write
	$(BIN)/python -m benchmarks.orders --write

lock: $(STAMP) ## resolve pyproject.toml into requirements.lock (hashes, no index address); UPGRADE=--upgrade takes newer versions
	$(BIN)/uv pip compile pyproject.toml --extra azure --extra databricks --extra otel --extra dev \
	  --generate-hashes --universal --python-version 3.11 --no-annotate --no-header $(UPGRADE) \
	  --output-file requirements.lock

clean: ## remove what runs have made, but not the environment
	rm -rf data artifacts dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache
