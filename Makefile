# `make` lists the targets. Environments appear under .venv/ when first needed and again when their
# lock in requirements/ changes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export PYTHON
export UV_PYTHON_DOWNLOADS := never
# The system's certificates, where there are any: a proxy that opens TLS has its own among them.
export UV_SYSTEM_CERTS ?= $(if $(or $(filter Darwin,$(shell uname -s)),$(wildcard \
  /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/ssl/ca-bundle.pem \
  /etc/pki/tls/certs/ca-bundle.crt)),true,false)
export SAM_CLI_TELEMETRY := 0
# Where it is set, each process would compile all that it imports: seconds, and many processes.
unexport PYTHONDONTWRITEBYTECODE

UV := .venv/uv/bin/uv
DEV := .venv/dev/.ready
SAM := .venv/sam/.ready
CHECKOV := .venv/checkov/.ready
MINISTACK := .venv/ministack/.ready
BENCH := .venv/bench/.ready
TEMPLATES := template.yaml observability.yaml
# `sam build` wants a real python3.13 as the first one on PATH.
WITH_PYTHON := python=$$(scripts/find_python.sh) && PATH="$$(dirname "$$python"):$$PATH"

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(DEV) $(SAM) $(MINISTACK) ## The whole bridge on this machine, with a small campaign (ONCE=1: end after it; FAULTS=1: practise; PORT=8800: fixed ports)
	@PYTHONPATH=layers exec .venv/dev/bin/python -m local $(if $(ONCE),--once) $(if $(FAULTS),--faults) $(if $(PORT),--port $(PORT))

# What has a local stack of its own waits most of the time: three side by side, and what each says in
# one piece when it is done (where this make can do that).
SIDE_BY_SIDE := --no-print-directory --jobs 3 \
  $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# What is missing is said now, and not after minutes.
.PHONY: chromium
chromium:
	@[ "$(CHROMIUM)" = none ] || scripts/find_chromium.sh >/dev/null

.PHONY: test
test: chromium quick ## Everything: quick, template, build, end to end, updates, browser, chaos
	@echo "the template, what is built, end to end, updates, browser and chaos: about six minutes"
	@$(MAKE) $(SIDE_BY_SIDE) template build types-of-the-tool tool-installs
	@$(MAKE) $(SIDE_BY_SIDE) end-to-end browser chaos updates
	@echo "make test: all of it passed$(if $(filter none,$(CHROMIUM)),; the console was not tried in a browser (CHROMIUM=none))"

.PHONY: quick
quick: $(DEV) ## Lint, types and all tests that need neither a stack nor a campaign: a minute
	@$(MAKE) --no-print-directory --jobs 2 lint types unit

.PHONY: lint
lint: $(DEV) ## ruff, rules and format
	.venv/dev/bin/ruff check
	.venv/dev/bin/ruff format --check

.PHONY: types
types: $(DEV) ## mypy, strict
	.venv/dev/bin/mypy

.PHONY: types-of-the-tool
types-of-the-tool: $(DEV) ## mypy of the operators' tool as Python 3.12 has it
	.venv/dev/bin/mypy --cache-dir .mypy_cache/tool --python-version 3.12 bridge

.PHONY: unit
unit: $(DEV) ## The tests of `quick`, in parallel (ARGS='tests/unit -k opt_out')
	.venv/dev/bin/pytest -n auto --dist worksteal -m "not end_to_end and not browser" \
	  --ignore tests/chaos $(ARGS)

.PHONY: tool-installs
tool-installs: $(UV) ## The operators' tool, installed as its users install it, starts (WITH=python3.12)
	@rm -rf build  # setuptools would take what it left there
	@$(UV) venv --quiet --no-project --clear --python "$(or $(WITH),$$(scripts/find_python.sh))" .venv/tool
	@$(UV) pip install --quiet --python .venv/tool --constraint requirements/dev.txt .
	.venv/tool/bin/sms-bridge --version

.PHONY: tool
tool: tool-installs ## The same, and its tests pass (WITH=python3.12)
	@$(UV) pip install --quiet --python .venv/tool --constraint requirements/dev.txt \
	  aiohttp anyio hypothesis 'moto[dynamodb,secretsmanager,server,sqs]' pytest pytest-asyncio pytest-xdist
	.venv/tool/bin/pytest -n auto tests/bridge

.PHONY: template
template: $(DEV) $(SAM) $(CHECKOV) ## Lint and audit the templates
	.venv/sam/bin/sam validate --lint
	.venv/sam/bin/sam validate --lint --template observability.yaml
	.venv/dev/bin/cfn-lint --append-rules cfn_lint_serverless.rules --template $(TEMPLATES)
	.venv/checkov/bin/checkov --framework cloudformation --file $(TEMPLATES) --quiet --compact \
	  --skip-download

.PHONY: chaos
chaos: $(DEV) ## The promises under fire, and whether defects would show (SEEDS=40 MESSAGES=200: hours; ARGS=--help)
	PYTHONPATH=layers .venv/dev/bin/python -m tests.chaos $(or $(ARGS),--seeds $(or $(SEEDS),4) --messages $(or $(MESSAGES),30))
	$(if $(ARGS)$(SEEDS)$(MESSAGES),,.venv/dev/bin/pytest -n auto --dist worksteal tests/chaos)

.PHONY: build
build: $(SAM) ## sam build, as for AWS
	$(WITH_PYTHON) .venv/sam/bin/sam build

.PHONY: deploy
deploy: $(DEV) $(SAM) ## Build and deploy to AWS, asking what matters (ARGS: words for sam deploy)
	@$(WITH_PYTHON) PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.deploy $(ARGS)

.PHONY: end-to-end
end-to-end: $(DEV) $(SAM) $(MINISTACK) ## The built artifact, and the template deployed into the emulator
	.venv/dev/bin/pytest -p no:xdist -m "end_to_end and not updates" \
	  tests/end_to_end tests/template

.PHONY: updates
updates: $(DEV) $(SAM) $(MINISTACK) ## The deployed stack while it is updated
	.venv/dev/bin/pytest -p no:xdist -m updates tests/end_to_end

.PHONY: browser
browser: $(DEV) $(SAM) $(MINISTACK) ## The console in Chromium (SCREENSHOTS=1: take docs/console anew, CHROMIUM=none: skip)
ifeq ($(CHROMIUM),none)
	@echo "SKIPPED: the console was not tried in a browser (CHROMIUM=none)"
else
	@chromium=$$(scripts/find_chromium.sh) && \
	  CHROMIUM="$$chromium" SCREENSHOTS=$(SCREENSHOTS) .venv/dev/bin/pytest -p no:xdist -m browser tests/console
endif

.PHONY: sam-local
sam-local: $(DEV) $(SAM) $(MINISTACK) ## The events in Lambda's containers (EVENTS='send_sms/*', SAM_LOCAL_ARGS=...)
	@PYTHONPATH=layers exec .venv/dev/bin/python -m local.sam_local \
	  $(if $(EVENTS),--events '$(EVENTS)') $(SAM_LOCAL_ARGS)

.PHONY: dashboard
dashboard: $(DEV) ## Draw docs/dashboard.png from observability.yaml, with made-up figures
	@PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.dashboard_picture

# Uncompiled, the baseline would start three times slower.
.PHONY: bench
bench: $(DEV) $(BENCH) build ## Measure what is built against its baselines, minutes, with valgrind (WRITE=1: write docs/performance.md)
	@.venv/bench/bin/python -m compileall -q -j 0 .venv/bench/lib
	@PYTHONPATH=.:layers .venv/dev/bin/python -m bench $(if $(WRITE),--write)

.PHONY: tables
tables: $(DEV) ## Write what documents, dashboard and events have from code and templates
	for tables in parameter_table role_table alarm_tables reason_tables; do \
	  PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.$$tables; done

.PHONY: deployer-policy
deployer-policy: $(DEV) $(SAM) ## Write docs/deployer-policy.json from the templates
	.venv/dev/bin/python scripts/deployer_policy.py

.PHONY: licenses
licenses: $(DEV) ## Write THIRD_PARTY_LICENSES.md from the layer's lock
	@PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.release licenses

.PHONY: sbom
sbom: $(DEV) ## Write the layer's bill of materials (CycloneDX) into dist/
	@PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.release sbom

.PHONY: dist
dist: sbom build ## What a release attaches, into dist/: the built application and its bill of materials
	@PYTHONPATH=.:layers .venv/dev/bin/python -m scripts.release archive

.PHONY: format
format: $(DEV) ## Put the code into ruff's format
	.venv/dev/bin/ruff check --fix
	.venv/dev/bin/ruff format

.PHONY: lock
lock: $(UV) ## Compile the locks anew (UPGRADE=1: to the newest versions)
	for lock in requirements/uv layers/requirements requirements/{dev,sam,ministack,checkov,bench}; do \
	  $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) \
	    $$lock.in --output-file $$lock.txt; \
	done
	@$(MAKE) --no-print-directory licenses

.PHONY: clean
clean: ## Remove environments, builds and caches
	rm -rf .venv .aws-sam build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find bench bridge functions layers local scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------- environments
# pip installs uv and nothing else; a folder of its own needs neither venv nor ensurepip.
$(UV): requirements/uv.txt scripts/find_python.sh
	@python=$$(scripts/find_python.sh) && rm -rf .venv/uv && \
	  echo "The first time: tools and libraries are downloaded into .venv/, about 250 MB, a minute or two." && \
	  "$$python" -m pip install --quiet --require-hashes --only-binary :all: \
	    --disable-pip-version-check --root-user-action ignore --target .venv/uv -r requirements/uv.txt || \
	  { echo "pip could not get uv. A proxy that inspects TLS has a certificate: give it to the system, or its file as PIP_CERT and SSL_CERT_FILE."; exit 1; }
	@touch $@

.venv/%/.ready: requirements/%.txt $(UV)
	@echo "making .venv/$*"
	@python=$$(scripts/find_python.sh) && \
	  $(UV) venv --quiet --no-project --clear --python "$$python" .venv/$*
	@$(UV) pip install --quiet --require-hashes --only-binary :all: --python .venv/$* -r requirements/$*.txt
	@touch $@
