# The daily commands; `make help` lists them. Each command installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/client libs/common libs/devstack libs/documents services/api services/worker services/notifier
MANIFESTS := pyproject.toml $(PACKAGES:%=%/pyproject.toml)
CODE := libs services tests demo bench deploy examples
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# More arguments, e.g. `make test PYTEST="-k lease"`.
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up quick test test-typescript extras drills chaos cluster-test upgrade-test fuzz fairness corpus bench bench-quality audit alerts manifests reference vendor pictures tree lint pyright format lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(INSTALLED) ## Make .venv with all packages and console scripts

# Runs again only if one of the files it depends on has changed.
$(INSTALLED): requirements.lock $(MANIFESTS)
	@test -x $(BIN)/pip || { echo "== making $(VENV)"; deploy/local/venv.sh "$(PYTHON)" $(VENV); }
	@echo "== installing requirements.lock"
	@$(PIP) install --require-hashes -r requirements.lock
	@echo "== installing $(PACKAGES)"
	@$(PIP) install --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

demo: setup ## Process a PDF with the whole system, real servers and a webhook receiver
	@$(BIN)/python demo/demo.py

up: setup ## Run the whole system until Ctrl-C; print its URL and a key
	@$(BIN)/python demo/up.py

quick: setup ## Run the unit and contract tests, for the daily loop
	@$(BIN)/python -m secretary_devstack.servers.provision --optional mongod
	@$(BIN)/python -m secretary_devstack.servers.provision nodejs
	@$(BIN)/python -m pytest -m "not extra" tests/unit tests/contract --numprocesses 2 --dist worksteal $(PYTEST)

# The tests of optional packages run in an environment of their own, which has these packages.
EXTRAS_VENV := .venv-extras
EXTRAS_INSTALLED := $(EXTRAS_VENV)/.installed

$(EXTRAS_INSTALLED): $(INSTALLED) libs/documents/rapidocr.lock services/notifier/apprise.lock
	@echo "== making $(EXTRAS_VENV) with the optional packages"
	@deploy/local/venv.sh "$(PYTHON)" $(EXTRAS_VENV)
	@$(EXTRAS_VENV)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes \
		-r requirements.lock
	@$(EXTRAS_VENV)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes \
		-r libs/documents/rapidocr.lock -r services/notifier/apprise.lock
	@$(EXTRAS_VENV)/bin/python -m pip --quiet --disable-pip-version-check install --no-deps \
		--no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

# Docling's client needs other versions than Secretary, so it has an environment of its own.
DOCLING_VENV := .venv-docling
DOCLING_INSTALLED := $(DOCLING_VENV)/.installed

$(DOCLING_INSTALLED): tests/docling.lock
	@echo "== making $(DOCLING_VENV) with docling's client"
	@deploy/local/venv.sh "$(PYTHON)" $(DOCLING_VENV)
	@$(DOCLING_VENV)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes \
		-r tests/docling.lock
	@touch $@

extras: $(EXTRAS_INSTALLED) $(DOCLING_INSTALLED) ## Run the tests of the optional packages, which it installs
	@$(EXTRAS_VENV)/bin/python -m pytest -m extra $(PYTEST)

# Each of the many processes would compile our modules again.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ## Run all tests but the drills, against real servers
	@$(BIN)/python -m secretary_devstack.servers.provision --optional mongod rabbitmq
	@$(BIN)/python -m secretary_devstack.servers.provision ffmpeg espeak-ng nodejs pdftotext chromium promtool
	@$(BIN)/python -m pytest -m "not drill and not extra and not typescript" --numprocesses 4 --dist worksteal $(PYTEST)

# npm installs the compiler and the other tools of the TypeScript client.
TYPESCRIPT := clients/typescript
TYPESCRIPT_TOOLS := $(TYPESCRIPT)/node_modules/.installed

$(TYPESCRIPT_TOOLS): $(TYPESCRIPT)/package-lock.json | $(INSTALLED)
	@$(BIN)/python -m secretary_devstack.servers.provision nodejs npm
	@echo "== installing the tools of $(TYPESCRIPT)"
	@npm --prefix $(TYPESCRIPT) ci --silent
	@touch $@

test-typescript: setup $(TYPESCRIPT_TOOLS) ## Compile the TypeScript client, and run all its tests
	@$(BIN)/python -m secretary_devstack.servers.provision --optional mongod rabbitmq
	@$(BIN)/python deploy/local/typescript.py --check
	@npm --prefix $(TYPESCRIPT) run --silent build
	@npm --prefix $(TYPESCRIPT) run --silent check
	@npm --prefix $(TYPESCRIPT) run --silent test
	@$(BIN)/python -m pytest -m typescript tests/e2e/test_typescript_client.py $(PYTEST)

drills: setup ## Run the long fault drills: frozen, stopped, starved and odd systems
	@$(BIN)/python -m secretary_devstack.servers.provision --optional mongod rabbitmq
	@$(BIN)/python -m secretary_devstack.servers.provision ffmpeg espeak-ng caddy libreoffice
	@$(BIN)/python -m pytest -m drill --numprocesses 2 --dist worksteal $(PYTEST)

# The first seed, the number of seeds, and more arguments, e.g.
# `make chaos SEED=7 SEEDS=1 CHAOS="--jobs 300"`.
SEED ?= 1
SEEDS ?= 5
CHAOS ?=

chaos: setup ## Run jobs while servers, services and networks fail; SEEDS=5 from SEED=1
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@PYTHONPATH=tests $(BIN)/python -m chaos.scenario --seed $(SEED) --seeds $(SEEDS) $(CHAOS)

# More arguments, e.g. `make cluster-test CLUSTER="--jobs 300 --keep"`.
CLUSTER ?=

cluster-test: setup ## Kill each node of MongoDB and RabbitMQ, and services, while jobs run
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@PYTHONPATH=tests $(BIN)/python -m cluster.scenario $(CLUSTER)

# More arguments, e.g. `make upgrade-test UPGRADE="--previous v1.2 --keep"`.
UPGRADE ?=

upgrade-test: setup ## Upgrade from an earlier commit while jobs run, in each mix of versions
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@PYTHONPATH=tests $(BIN)/python -m upgrade.scenario $(UPGRADE)

# More arguments, e.g. `make fuzz FUZZ="--seconds 60"`.
FUZZ ?=

fuzz: setup ## Send generated requests for 12 minutes, and check the answers against OpenAPI
	@$(BIN)/python -m secretary_devstack.servers.provision mongod
	@PYTHONPATH=tests $(BIN)/python -m fuzz.scenario $(FUZZ)

# Attacks, e.g. `make fairness ATTACKS="slots uploads"`; all of them take 6 minutes.
ATTACKS ?=

fairness: setup ## Attack the system with one key and measure what another key notices
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@PYTHONPATH=tests $(BIN)/python -m fairness.scenario $(ATTACKS)

# A folder, and more arguments, e.g. `make corpus PDF_CORPUS=/pdfs CORPUS="--mutations 500"`.
# Without a folder: `make corpus CORPUS="--samples --mutations 500"`, a sample of each format.
PDF_CORPUS ?=
CORPUS ?=

corpus: setup ## Read every PDF of the folder PDF_CORPUS, or samples, through the real system
	@test -n "$(PDF_CORPUS)$(CORPUS)" || { echo "name a folder: make corpus PDF_CORPUS=…"; exit 2; }
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@$(if $(findstring --samples,$(CORPUS)),$(BIN)/python -m secretary_devstack.servers.provision libreoffice)
	@PYTHONPATH=tests $(BIN)/python -m corpus.scenario $(if $(PDF_CORPUS),"$(PDF_CORPUS)") $(CORPUS)

# A bench, and more arguments, e.g. `make bench BENCH=burst OPTIONS="--turns 5 --workers 1 2 4"`.
BENCH ?= burst
OPTIONS ?=
PEERS := .venv-peers
PEERS_INSTALLED := $(PEERS)/.installed

bench: setup $(PEERS_INSTALLED) ## Measure BENCH=burst against other systems, or another bench
	@$(BIN)/python -m secretary_devstack.servers.provision mongod rabbitmq
	@$(BIN)/python -m secretary_devstack.servers.provision --optional postgresql
	@$(BIN)/python bench/run.py $(BENCH) $(OPTIONS)

# The other job systems that `make bench` measures have packages of their own.
$(PEERS_INSTALLED): bench/peers/requirements.txt
	@echo "== making $(PEERS) for the systems that bench compares"
	@deploy/local/venv.sh "$(PYTHON)" $(PEERS)
	@$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install -r $<
	@touch $@

# A folder, and more arguments, e.g. `make bench-quality QUALITY=/pdfs OPTIONS="--pages"`.
QUALITY ?=

QUALITY_PEERS := .venv-quality
QUALITY_PEERS_INSTALLED := $(QUALITY_PEERS)/.installed

bench-quality: setup $(QUALITY_PEERS_INSTALLED) ## Measure the structure of the PDFs in QUALITY, beside other programs
	@test -n "$(QUALITY)" || { echo "name a folder: make bench-quality QUALITY=…"; exit 2; }
	@PYTHONPATH=bench $(BIN)/python -m quality.run "$(QUALITY)" \
		--peers $(QUALITY_PEERS)/bin/python $(OPTIONS)

# The other programs that read PDFs have packages of their own. One of them replaces our PyMuPDF.
$(QUALITY_PEERS_INSTALLED): bench/quality/requirements.txt
	@echo "== making $(QUALITY_PEERS) for the programs that bench-quality compares"
	@deploy/local/venv.sh "$(PYTHON)" $(QUALITY_PEERS)
	@$(QUALITY_PEERS)/bin/python -m pip --quiet --disable-pip-version-check install -r $<
	@touch $@

# More arguments: `make audit AUDIT=--strict` fails if no advisory service answers.
AUDIT ?=
AUDITOR := .venv-audit
AUDITOR_INSTALLED := $(AUDITOR)/.installed

audit: setup $(AUDITOR_INSTALLED) ## Check the licences and known vulnerabilities of all locked packages
	@$(BIN)/python deploy/local/audit.py $(AUDIT)

# pip-audit has packages of its own.
$(AUDITOR_INSTALLED): deploy/local/audit-requirements.txt
	@echo "== making $(AUDITOR)"
	@deploy/local/venv.sh "$(PYTHON)" $(AUDITOR)
	@$(AUDITOR)/bin/python -m pip --quiet --disable-pip-version-check install -r $<
	@touch $@

alerts: setup ## Check the alerts of deploy/prometheus, and run their tests
	@$(BIN)/python -m secretary_devstack.servers.provision promtool
	@promtool check rules deploy/prometheus/alerts.yml
	@promtool test rules tests/prometheus/alerts_test.yml

# The schemas of Kubernetes are large, and only these checks need them.
MANIFESTS_VENV := .venv-manifests
MANIFESTS_INSTALLED := $(MANIFESTS_VENV)/.installed

$(MANIFESTS_INSTALLED): deploy/kubernetes/requirements.txt
	@echo "== making $(MANIFESTS_VENV) with the schemas of Kubernetes"
	@deploy/local/venv.sh "$(PYTHON)" $(MANIFESTS_VENV)
	@$(MANIFESTS_VENV)/bin/python -m pip --quiet --disable-pip-version-check install -r $<
	@touch $@

manifests: $(MANIFESTS_INSTALLED) ## Render deploy/kubernetes, and check it against Kubernetes' schemas
	@$(MANIFESTS_VENV)/bin/python deploy/local/manifests.py

reference: setup $(TYPESCRIPT_TOOLS) ## Write docs/api.md, docs/errors.md and the TypeScript types from the code
	@$(BIN)/python deploy/local/reference.py
	@$(BIN)/python deploy/local/typescript.py

vendor: ## Fetch the files of other projects for the dashboard with npm, checked by hash
	@$(PYTHON) deploy/local/vendor.py

pictures: setup ## Draw the pictures of docs/dashboard.md
	@PYTHONPATH=tests $(BIN)/python tests/browser/pictures.py

tree: ## Print the layout: each package, its modules counted, and its purpose
	@$(PYTHON) deploy/local/tree.py

lint: setup ## Check format, style, types and layers
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary $(CODE)
	@$(BIN)/lint-imports
	@echo "== lint: ok"

pyright: setup ## Check the types of the Python client with pyright too, as editors do
	@$(BIN)/python -m secretary_devstack.servers.provision nodejs
	@$(BIN)/pyright --pythonpath $(BIN)/python tests/typing libs/client/src

format: setup ## Format the code
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --quiet --fix $(CODE)

# Local packages are installed from this checkout, never from an index.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	$(addprefix --no-emit-package secretary-,api client common devstack documents notifier worker) \
	--python-version 3.11

lock: setup ## Write the hashed requirements.lock files from the pyproject files
	@$(LOCK) pyproject.toml --group dev -o requirements.lock
	@for package in libs/documents services/api services/notifier services/worker; do \
		$(LOCK) $$package/pyproject.toml -o $$package/requirements.lock; \
	done
	@$(LOCK) libs/documents/pyproject.toml --extra rapidocr --constraint requirements.lock \
		-o libs/documents/rapidocr.lock
	@$(LOCK) libs/documents/pyproject.toml --extra office --constraint requirements.lock \
		-o libs/documents/office.lock
	@$(LOCK) tests/docling.in -o tests/docling.lock
	@$(LOCK) services/notifier/pyproject.toml --extra apprise --constraint requirements.lock \
		-o services/notifier/apprise.lock
	@$(LOCK) deploy/docker/build.in -o deploy/docker/build.lock

clean: ## Remove all generated files, including .venv
	@rm -rf $(VENV) $(EXTRAS_VENV) $(DOCLING_VENV) $(PEERS) $(QUALITY_PEERS) $(AUDITOR) $(MANIFESTS_VENV) $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist .run .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Docker Compose v2 if it is installed, else docker-compose 1.29.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
# How many workers and notifiers `make compose-up` starts.
WORKERS ?= 1
NOTIFIERS ?= 1

# The images' names are REGISTRY/secretary-<service>:TAG. EXTRAS=office adds packages to the workers.
# PUSH=1 sends the images to the registry.
REGISTRY ?= localhost
TAG ?= local
EXTRAS ?=
PUSH ?=

images: ## Build all images: make images TAG=1.4.0 REGISTRY=registry.example.com/team EXTRAS=office
	@deploy/docker/images.sh "$(REGISTRY)" "$(TAG)" "$(EXTRAS)" "$(PUSH)"

.PHONY: images compose-up compose-key compose-secrets compose-down compose-test

compose-up: ## Build the images and start everything in Docker; WORKERS=3 NOTIFIERS=2 scale them
	@env $$(deploy/compose/server_images.sh) $(COMPOSE) up --build --detach --scale worker=$(WORKERS) --scale notifier=$(NOTIFIERS)

compose-key: ## Print the API's first admin key
	@$(COMPOSE) exec -T api cat /run/secrets/api__bootstrap_key; echo

compose-secrets: ## Print all secrets as lines for .env, for a backup
	@$(COMPOSE) run --rm -T secrets python -I /make_secrets.py show

compose-down: ## Stop and remove the containers; keep the data
	@$(COMPOSE) down

# More arguments, e.g. `make compose-test COMPOSE_TEST="--outage-sec 20 --earlier v1.3"`.
COMPOSE_TEST ?=

compose-test: setup ## Test docker-compose.yml with real containers: upgrade, kills, outages; 25 minutes
	@PYTHONPATH=tests $(BIN)/python -m compose.scenario $(COMPOSE_TEST)
