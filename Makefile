# The front door. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv/bin
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/$(VENV):$(PATH)
# Compiled code is kept: a start takes half as long with it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev test lint types docs bench screenshots check lock

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

run: setup ## Install what is missing and start Parley (PORT, PARLEY_HOME, DATABASE_URL, REDIS_URL, PARLEY_ENV, WEB_WORKERS)
	@exec $(VENV)/python manage.py serve --with-parent

setup:
	@$(PYTHON) scripts/setup.py

setup-dev:
	@$(PYTHON) scripts/setup.py --dev

test: setup-dev ## Run every suite (or some: make test SUITES="unit js")
	@exec $(VENV)/python -m scripts.suites $(SUITES)

lint: setup-dev ## Style and layout of Python and JavaScript, and who may import whom
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/lint-imports
	@eslint .

types: setup-dev ## mypy --strict, and tsc over the JavaScript (writes types/)
	@$(VENV)/mypy
	@tsc -p .

docs: setup-dev ## Write the generated pages of docs/protocol and the event types of the browser
	@$(VENV)/python -m scripts.docs

bench: setup-dev ## Measure, and write docs/performance.md
	@exec $(VENV)/python -m bench

screenshots: setup-dev ## Take pictures of every screen into var/screenshots
	@exec $(VENV)/python -m scripts.screenshots

check: lint types test ## All that CI runs: lint, types, generated pages up to date, every suite

lock: setup-dev ## Pin anew: requirements*.txt from the .in files, package-lock.json from package.json
	@for name in requirements requirements-dev; do \
	  $(VENV)/uv pip compile -q --upgrade --no-header --no-emit-index-url --no-annotate \
	    $$name.in -o $$name.txt --python-version 3.11 || exit 1; done
	@npm install --package-lock-only --no-progress
