# Two commands matter: `make weekly` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup weekly exports gate facts reports review screenshots test test-facts check fuzz lab lock clean

PYTHON ?= python3
ifeq ($(CONDA_DEFAULT_ENV),opslib)
VENV ?= $(CONDA_PREFIX)
else
VENV ?= .venv
endif
BIN := $(VENV)/bin

# What `opslib` is told; each is left to its default where it is empty.
WEEK ?=
TEAMS ?=
SOURCE ?=
EXPORTS ?=
PARAMS ?=
WAREHOUSE ?=
REPORTS ?=
AS_OF ?=
JOBS ?=
ONLY ?=
LIMIT ?=
FORCE ?=
comma := ,
DATA_OPTIONS = $(if $(SOURCE),--source "$(SOURCE)") $(if $(EXPORTS),--exports "$(EXPORTS)") \
	$(if $(PARAMS),--params "$(PARAMS)") $(if $(WAREHOUSE),--warehouse "$(WAREHOUSE)") \
	$(if $(REPORTS),--reports "$(REPORTS)") $(if $(WEEK),--week "$(WEEK)") $(if $(AS_OF),--as-of "$(AS_OF)")
REPORT_OPTIONS = $(foreach team,$(subst $(comma), ,$(TEAMS)),--team "$(team)") $(if $(JOBS),--jobs "$(JOBS)") \
	$(foreach report,$(ONLY),--only "$(report)") $(if $(LIMIT),--limit "$(LIMIT)") $(if $(FORCE),--force)

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: WEEK=2026-W46 TEAMS=us-general,us-safety SOURCE=zendesk EXPORTS=folder PARAMS= WAREHOUSE= REPORTS= AS_OF= JOBS= ONLY= LIMIT= FORCE=1"

setup: $(VENV)/.opslib-installed  ## the environment, from requirements.lock with hashes

$(VENV)/.opslib-installed: requirements.lock pyproject.toml
	@echo "setup    installing $(VENV) from requirements.lock"
	@if uv=$$(command -v uv || command -v $(BIN)/uv); then \
		{ test -x $(BIN)/python || $$uv venv --quiet --python "$(PYTHON)" --no-python-downloads $(VENV); } && \
		$$uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		$$uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		{ test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); } && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@if git rev-parse --git-dir >/dev/null 2>&1; then git config filter.nbstripout.clean "$(BIN)/nbstripout"; fi
	@touch $@

weekly: setup  ## gate the exports and render the week's reports (the sample where there are no exports)
	@$(BIN)/opslib weekly $(DATA_OPTIONS) $(REPORT_OPTIONS)

exports: setup  ## say which exports there are; make the sample where there are none
	@$(BIN)/opslib exports $(DATA_OPTIONS)

gate: setup  ## take the exports in and judge them
	@$(BIN)/opslib gate $(DATA_OPTIONS)

facts: setup  ## gate, then facts and weekly values
	@$(BIN)/opslib facts $(DATA_OPTIONS)

reports: setup  ## render the reports from the facts as they are
	@$(BIN)/opslib reports $(DATA_OPTIONS) $(REPORT_OPTIONS)

review: setup  ## serve reports/ on 127.0.0.1, for browsers that dislike files
	@$(BIN)/opslib review $(if $(REPORTS),--reports "$(REPORTS)")

screenshots: setup  ## the README's pictures, from the reports as they are
	@$(BIN)/python docs/screenshots.py $(or $(REPORTS),reports) docs --team us-creators

check: setup  ## lint, format, types, direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# The notebooks run on a small sample of their own, so that a test never depends on what lies in data/.
TEST_DATA := data/test
# Hundreds of processes start in a test run; each would compile what it imports where Python may keep no bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup  ## all tests, the notebooks and the pages in a real browser among them
	@$(MAKE) --no-print-directory --jobs 2 check test-facts
	@OPSLIB_WAREHOUSE=$(CURDIR)/$(TEST_DATA)/warehouse OPSLIB_PARAMS=$(CURDIR)/params \
		$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
		--nbval-lax --nbval-current-env --nbval-cell-timeout 120 src tests notebooks

test-facts: setup
	@$(BIN)/opslib facts --sample-tickets 6000 --exports $(TEST_DATA)/sample --warehouse $(TEST_DATA)/warehouse --params params

fuzz: setup  ## two thousand broken exports: no traceback, no row lost
	@$(BIN)/python -m benchmarks.fuzz

lab: facts  ## JupyterLab on the facts, with git and nbdime
	@$(BIN)/python -m ipykernel install --sys-prefix --name opslib --display-name "opslib" >/dev/null
	@$(BIN)/jupyter lab --notebook-dir notebooks

lock: setup  ## make requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
		$(LOCK_OPTIONS) pyproject.toml -o requirements.lock

clean:  ## remove what was made: environment, warehouse, sample, reports; exports, key and params stay
	rm -rf $(if $(CONDA_DEFAULT_ENV),,.venv) data/sample data/test build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@test ! -d data/warehouse || find data/warehouse -mindepth 1 ! -path '*/opslib.key*' ! -path '*/generations' ! -path '*/.gitignore*' -delete
	find reports -mindepth 1 ! -name README.md -delete
	@$(if $(CONDA_DEFAULT_ENV),,if git rev-parse --git-dir >/dev/null 2>&1; then git config --unset filter.nbstripout.clean || true; fi)
