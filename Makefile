# SPF-Portrait. `make help` lists the targets; each does its own set-up.
# Python 3.11+ and Node 20.19+ are enough.

PYTHON ?= python3
NPM ?= npm
PORT ?= 8000
OUT ?= demo-output
URL ?=
SLOW ?=
MINUTES ?= 30
FULL ?=
ROUNDS ?=
SHORT_PROOF := --systems original sibling-oracle naive lora spf no-control-map --targets sunglasses --bias named
FULL_PROOF := --split test --bias named

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
VENV_STAMP := $(VENV)/.stamp-python
RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev
PROOF_STAMP := $(VENV)/.stamp-proof
NPM_STAMP := frontend/node_modules/.stamp
PAGE := backend/static/index.html
OPENAPI := frontend/openapi.json

PAGE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts -type f ! -name schema.ts 2>/dev/null)
API_SOURCES := $(shell find backend spf_portrait/contract -name '*.py' 2>/dev/null)
MARKS := $(if $(SLOW),not gpu,not gpu and not slow)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: up test check demo bench proof nemesis help test-tools

up: $(RUN_STAMP) $(PAGE) ## start the studio on http://127.0.0.1:8000 (PORT=8000); Ctrl-C stops everything
	@SPF_PORT=$(PORT) exec $(BIN)/python -m backend.studio

test: $(DEV_STAMP) $(PAGE) test-tools ## run the tests, browser included (SLOW=1 adds those that take minutes)
	cd frontend && $(NPM) test --silent
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(BIN)/python -m pytest -m "$(MARKS)" $(ARGS)

check: $(DEV_STAMP) $(NPM_STAMP) $(OPENAPI) ## lint, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	cd frontend && $(NPM) run check --silent

demo: $(RUN_STAMP) $(PAGE) ## the main job through REST: train, draw, compare (OUT=demo-output, URL= of a running studio)
	$(BIN)/python -m demo --out "$(OUT)" $(if $(URL),--url "$(URL)")

bench: $(RUN_STAMP) ## measure training and drawing speed on this machine
	$(BIN)/python -m demo.bench

proof: $(PROOF_STAMP) ## train, measure and compare for some minutes, going on where it stopped; writes docs/proof.md (MINUTES=30, FULL=1)
	$(BIN)/python -m spf_portrait.pico.proof --minutes $(MINUTES) $(if $(FULL),$(FULL_PROOF),$(SHORT_PROOF))
	$(BIN)/python -m spf_portrait.pico.proof.report

nemesis: $(DEV_STAMP) test-tools ## strike a real studio with faults and count what broke (ROUNDS=5 for the short form)
	$(BIN)/python -m nemesis $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Found $$($(PYTHON) --version 2>&1 || echo no Python); Python 3.11 or newer is needed. Install it, or name it: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "Python cannot make virtual environments here; on Debian install the package python3-venv."; exit 1; }
	@touch $@

$(RUN_STAMP): $(VENV_STAMP) pyproject.toml
	@echo "Installing the studio and its engine into $(VENV) (some minutes the first time)"
	@$(PIP) install --editable '.[engine,pico,demo]'
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "Installing the tools for tests and checks into $(VENV)"
	@$(PIP) install --editable '.[engine,pico,postgresql,proof,dev]'
	@touch $@

$(PROOF_STAMP): $(RUN_STAMP)
	@$(PIP) install --editable '.[engine,pico,proof]'
	@touch $@

$(NPM_STAMP): frontend/package.json frontend/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null || { \
		echo "Found $$(node --version 2>/dev/null || echo no Node); Node 20.19 or newer is needed to build the page."; exit 1; }
	cd frontend && $(NPM) ci --silent
	@touch $@

$(OPENAPI): $(RUN_STAMP) $(API_SOURCES)
	@$(BIN)/python -m backend.openapi > $@

$(PAGE): $(NPM_STAMP) $(PAGE_SOURCES)
	cd frontend && $(NPM) run build --silent
	@touch $@

# A real browser, a real Redis and a real PostgreSQL are needed by tests only, which start servers of their own.
test-tools:
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v chromedriver >/dev/null || missing="$$missing chromium-driver"; \
	command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing="$$missing redis-server"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing what the tests need:$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "The tests also need$$missing, which only root can install here."; \
		echo "Install them (Debian: sudo apt-get install$$missing) and run make test again."; exit 1; \
	fi
