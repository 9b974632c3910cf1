# Storyloom on one machine. `make` lists the commands. Works with GNU make 3.81 and later.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
# base.in is read by the others and never installed by itself.
LOCKS := $(filter-out base,$(patsubst requirements/%.in,%,$(wildcard requirements/*.in)))
# Options, like SEED=7 on the command line, reach the commands by the environment: make passes them on by itself.
# Compiled once, not by every process anew, whatever the shell around says.
unexport PYTHONDONTWRITEBYTECODE
# Further arguments for pytest: make test ARGS="-k slug".
ARGS ?=
WORKERS ?= 2

.PHONY: help story up doctor top dead test check bench chaos migrate clean lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

story: $(VENV)/.local ## Make one story and watch it; the book is in out/latest (BRIEF=file.json SEED=n OUT=dir)
	@exec $(PYTHON) -m local.story

up: $(VENV)/.local ## Start everything and stay; prints the URL and an example (PROCESSES=1 HTTP_PORT=n)
	@exec $(PYTHON) -m local.up

doctor: $(VENV)/.local ## Ask the running stack who works on what, and what is ill (ARGS="--deep --all")
	@exec $(PYTHON) -m local.operating doctor

top: $(VENV)/.local ## Watch the running stack: queues, stories, workers, providers (ARGS="--every 1")
	@exec $(PYTHON) -m local.operating top

dead: $(VENV)/.local ## List the running stack's dead letters, or ARGS="show 3", "replay --all", "drop 3"
	@exec $(PYTHON) -m local.operating dead $(if $(ARGS),,list)

test: $(VENV)/.dev ## Run all tests (ARGS="-k words", WORKERS=n)
	@exec $(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types, import rules and generated docs
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(PYTHON) -m tools.docs --check

bench: $(VENV)/.dev ## Measure, and print the figures for benchmarks/README.md
	@exec $(PYTHON) -m benchmarks $(ARGS)

# SECONDS is an argument: a shell on the way would count in a variable of that name.
chaos: $(VENV)/.dev ## Break everything while stories flow; check that nothing is lost (SEED=n STORIES=n SECONDS=n)
	@exec $(PYTHON) -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

migrate: $(VENV)/.local ## Bring the database in DATABASE_URL to this code's schema
	@exec $(PYTHON) -m storyloom.db.migrate

clean: ## Remove this machine's state and caches; keep out/ and the virtual environment
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local.clean; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

lock: $(VENV)/.uv ## Resolve requirements/*.in again into pinned, hashed requirements/*.txt
	@for name in $(LOCKS); do \
	  echo "requirements/$$name.txt" && \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

# The virtual environment, with any Python from 3.11 on that can make one.
$(VENV)/.uv:
	@for python in $$PYTHON3 python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    $$python -m venv $(VENV) && $(PYTHON) -m pip install --quiet --disable-pip-version-check uv && touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "No Python 3.11 or later with venv was found: install one (Debian, Ubuntu: apt-get install python3-venv; macOS:" \
	  "brew install python@3.12), or name one with PYTHON3=path." >&2; exit 1

# Everything that runs is in the development environment too: where that is fresh there is nothing to install.
$(VENV)/.local: requirements/local.txt $(VENV)/.uv
	@if [ ! -e $(VENV)/.dev ] || [ requirements/dev.txt -nt $(VENV)/.dev ]; then \
	  rm -f $(VENV)/.dev && $(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(PYTHON) requirements/local.txt; \
	fi
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.uv
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(PYTHON) requirements/dev.txt
	@touch $@ $(VENV)/.local
