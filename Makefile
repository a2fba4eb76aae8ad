# For a first look and for those who change Bakehouse; those who run it use scripts/.
# Every target may be repeated, and is quick when there is nothing to do.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c

# Containers with systemd in them and their networks need root.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)
PYTHON := .venv/bin/python
PIP_TOOLS := pip-tools==7.6.2

.PHONY: help setup demo test trial lint bench compare harden clean lock

help: ## List what there is
	@echo 'Bakehouse: bake, launch, wire and refresh Laravel hosts on AWS.'
	@echo
	@awk -F ' ## ' '/^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Start with: make demo'

setup: ## Make this machine ready: packages, Python environment, base images
	@scripts/setup

demo: ## Show the whole chain: lab, bake, launch, site.yml, a page through the load balancer
	@scripts/setup
	@$(SUDO) $(PYTHON) -m bakehouse_lab.cli.demo

test: ## Lint, and every test: units, contracts, roles on Debian 13 and 12, the chain in the lab
	@BAKEHOUSE_LAB_SLOT=1 scripts/setup
	# What takes longest by itself begins first.
	@$(SUDO) $(PYTHON) -m pytest -n 3 --dist loadscope --no-loadscope-reorder \
		tests/fleet tests/molecule/test_roles_on_php.py tests/lab tests/molecule/test_roles.py \
		tests/lint tests/contract tests/unit src lab/bakehouse_lab

trial: ## Refresh four hosts under load, and all that may befall it (8 minutes; nothing beside it)
	@BAKEHOUSE_LAB_SLOT=1 scripts/setup
	@$(SUDO) $(PYTHON) -m pytest tests/rolling

lint: ## Ask every linter (part of make test)
	@scripts/setup
	@$(PYTHON) -m pytest tests/lint

bench: ## Measure boot, bake, refresh, second site.yml, API overhead and memory against the lab
	@scripts/setup
	@$(SUDO) $(PYTHON) -m bakehouse_lab.cli.bench

compare: ## Compare our hosts with Debian's and the peers' settings, on an instance of the demo's lab
	@scripts/setup
	@eval "$$($(SUDO) scripts/lab env)"
	$(SUDO) .venv/bin/ansible-playbook bench/compare.yml
	$(PYTHON) bench/report.py build/compare.json docs

harden: ## Scan Debian as it comes and our hosts (CIS with CONTENT=FOLDER), and write docs/hardening-report.md
	@scripts/setup
	@$(SUDO) $(PYTHON) -m bakehouse_lab.cli.harden $(if $(CONTENT),--content $(CONTENT))

clean: ## Take away all that these targets left on the machine, and nothing else
	@$(SUDO) env PYTHONPATH=lab PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m bakehouse_lab.cli.clean

lock: ## Write requirements.lock from requirements.txt
	@/usr/bin/python3 -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check $(PIP_TOOLS)
	build/lock/bin/pip-compile --quiet --allow-unsafe --generate-hashes --strip-extras \
	    --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
	    --output-file=requirements.lock requirements.txt
