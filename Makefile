# `make` lists the targets. The environment beats every default below.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell sh locks/python.sh)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
PICTURES ?= docs/screenshots
EVENTSTREAM_DEMO ?= 1
export PORT EVENTSTREAM_DEMO

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: ## start everything on PORT (8000) with data in EVENTSTREAM_DATA_DIR (.eventstream)
	@$(PYTHON) locks/alone.py $(MAKE) --silent --no-print-directory $(VENV)/.run
	@exec $(BIN)/eventstream serve

test: $(VENV)/.dev ## run all tests, in a real browser where pages are concerned
	$(BIN)/python -m e2e.browser
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4

test-engines: $(VENV)/.dev ## run all tests on real servers instead of embedded engines
	$(BIN)/python -m e2e.browser
	$(BIN)/python -m tests.servers test $(TESTS)

engines: $(VENV)/.dev ## start Kafka, MongoDB's, S3's and PostgreSQL's servers (needs JDK 17, Maven, Go 1.24); engines-stop ends them
	@$(BIN)/python -m tests.servers start

engines-stop: $(VENV)/.dev
	@$(BIN)/python -m tests.servers stop

check: $(VENV)/.dev ## lint, format check, types, templates, catalogue of texts, lock files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy app
	$(BIN)/djlint app/templates --check --lint --quiet
	@sh app/translations/extract.sh $(BIN)/pybabel /dev/stdout | diff -u app/translations/eventstream.pot - || (echo 'texts changed: make format'; false)
	sh locks/check.sh $(BIN)/uv

format: $(VENV)/.dev ## format code and templates, collect their texts
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint app/templates --reformat --quiet || true
	sh app/translations/extract.sh $(BIN)/pybabel app/translations/eventstream.pot

bench: $(VENV)/.dev ## measure on this machine (needs wrk), into bench/last.json
	$(BIN)/python -m bench

screenshots: $(VENV)/.dev ## take the pictures in docs/screenshots anew
	$(BIN)/python -m e2e.screenshots $(PICTURES)

lock: $(VENV)/.dev ## pin the newest allowed versions
	sh locks/update.sh $(BIN)/uv --upgrade

# One environment for both: `.dev` holds all that `.run` does, so a later `make run` keeps it.
$(VENV)/.uv: locks/bootstrap.txt
	@sh locks/venv.sh $(PYTHON) $(VENV)
	@touch $@

# Compiled once: where Python may not write that down itself, each start would do it again.
$(VENV)/.run: $(VENV)/.uv locks/run.txt pyproject.toml
	@echo "Installing what EventStream needs ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r locks/run.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q app migrations || true  # where the checkout cannot be written
	@touch $@

$(VENV)/.dev: $(VENV)/.run locks/dev.txt
	@echo "Installing what development needs ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r locks/dev.txt
	@touch $@

.PHONY: help run test test-engines engines engines-stop check format bench screenshots lock
