# `make run` and `make test` set up everything they need. scripts/bootstrap.py does the work, this file says when.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
BOOTSTRAP := $(PYTHON) -m scripts.bootstrap
PAGES := hub/web/static/dist/manifest.json
PAGE_SOURCES := $(shell find ui -name node_modules -prune -o -type f -print)
SET_UP := scripts/bootstrap.py scripts/test_programs.py requirements/uv.txt pyproject.toml
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
  --no-emit-find-links --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help run test lint types format bench faults requirements docs wheel clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: .venv/.installed-runtime $(PAGES) ## Set up what is missing, then run the hub: make run ARGS="--port 9000"
	@$(BIN)/hub run $(ARGS)

test: lint types .venv/.test-programs ## Set up what is missing, then run every check and test: make test ARGS="-k money"
	@$(BIN)/python -m compileall -q -j $(JOBS) hub connectors scripts tests # where Python may not, each process would
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal $(ARGS)

lint: .venv/.installed-dev ## Check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.installed-dev $(PAGES) ## Check the types of Python and of the pages' TypeScript
	$(BIN)/mypy
	$(BOOTSTRAP) page-types

format: .venv/.installed-dev ## Put the code into its format, and mend what can be mended safely
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.installed-runtime $(PAGES) ## Measure speed beside its yardsticks
	$(BIN)/hub bench $(ARGS)

faults: .venv/.installed-dev .venv/.test-programs $(PAGES) ## Kill processes hundreds of times and look for what is lost
	HUB_FAULT_KILLS=300 $(BIN)/pytest tests/faults $(ARGS)

# Keeps what is pinned; make requirements ARGS=--upgrade takes the newest.
requirements: .venv/.installed-runtime ## Pin the dependencies of pyproject.toml again, with hashes
	$(COMPILE) $(ARGS) --group uv --output-file requirements/uv.txt
	$(COMPILE) $(ARGS) --no-deps --group node --output-file requirements/node.txt
	$(COMPILE) $(ARGS) --no-deps --group postgresql --output-file requirements/postgresql.txt
	$(COMPILE) $(ARGS) pyproject.toml --group build --output-file requirements/runtime.txt
	$(COMPILE) $(ARGS) pyproject.toml --group build --group dev --constraint requirements/runtime.txt \
	  --output-file requirements/dev.txt

docs: .venv/.installed-dev ## Write the reference pages that come from the code
	$(BIN)/python -m scripts.write_reference

wheel: .venv/.installed-runtime $(PAGES) ## Build the package into dist/
	$(BIN)/uv build --quiet --wheel --no-build-isolation --offline --python $(BIN)/python --out-dir dist

clean: ## Remove everything that was set up or built; hub-data stays
	rm -rf .venv .toolchain ui/node_modules hub/web/static/dist dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.installed-runtime: requirements/runtime.txt $(SET_UP)
	@$(BOOTSTRAP) python runtime

.venv/.installed-dev: requirements/dev.txt $(SET_UP)
	@$(BOOTSTRAP) python dev

.venv/.test-programs: .venv/.installed-dev requirements/postgresql.txt
	@$(BOOTSTRAP) test-programs
	@touch $@

# Needs an environment only where Node.js has to be fetched, which uv does.
$(PAGES): $(PAGE_SOURCES) requirements/node.txt | .venv/.installed-runtime
	@$(BOOTSTRAP) pages
