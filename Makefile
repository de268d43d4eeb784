# `make run` and `make test` set up everything they need; see `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_SYSTEM_CERTS ?= 1

.DEFAULT_GOAL := help
.PHONY: help run test lint types format bench faults requirements docs clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(VENV)/runtime.stamp hub/web/static/dist/manifest.json ## Set up, then run the hub with the sandbox gateway
	@$(BIN)/hub run $(ARGS)

test: $(VENV)/dev.stamp hub/web/static/dist/manifest.json $(VENV)/servers.stamp ## Set up, then run every check and test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/dev.stamp ## Check style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/dev.stamp ## Check types
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## Put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/runtime.stamp ## Measure speed against yardsticks
	$(BIN)/hub bench $(ARGS)

faults: $(VENV)/dev.stamp $(VENV)/servers.stamp ## Kill the hub hundreds of times and look for what is lost
	HUB_FAULT_KILLS=300 $(BIN)/pytest tests/faults $(ARGS)

requirements: $(VENV)/uv.stamp ## Pin all dependencies again, with hashes
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 pyproject.toml -o requirements/runtime.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 pyproject.toml --group dev -o requirements/dev.txt

docs: $(VENV)/dev.stamp ## Write the generated reference pages
	$(BIN)/python scripts/write_reference.py

clean: ## Remove what the targets made
	rm -rf $(VENV) ui/node_modules hub/web/static/dist .pytest_cache .mypy_cache .ruff_cache

$(VENV)/uv.stamp: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The hub needs Python 3.11 or newer.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/runtime.stamp: requirements/runtime.txt pyproject.toml $(VENV)/uv.stamp
	@test -f $(VENV)/dev.stamp || $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/runtime.txt
	@sh scripts/install_hub.sh $(BIN)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml $(VENV)/uv.stamp
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@sh scripts/install_hub.sh $(BIN)
	@touch $@ $(VENV)/runtime.stamp

$(VENV)/servers.stamp: $(VENV)/dev.stamp scripts/install_servers.sh
	@sh scripts/install_servers.sh
	@touch $@
