# Everything that a developer or CI types. `make help` lists it.
#
# Nothing has to be installed beforehand but Python 3.11 and make: each target installs what it lacks,
# into .venv and .tools. A second call finds it there and costs nothing.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Debian keeps servers such as nginx in /usr/sbin, which is not on every user's PATH.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

BIN := .venv/bin
INSTALLED := .venv/installed

# Further arguments: `make test ARGS="-k logout -x"`, `make run ARGS=--help`.
ARGS :=

# One process for each core. A file's tests stay together, so that a server which a module starts is
# started once. Files come in random order: by themselves those with few tests, the slow ones, were
# last, and at the end one process worked alone. A test that hangs (pyproject.toml) ends the run:
# another process would begin its file anew.
PYTEST := $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# Absolute, because the tests start the service in directories of their own.
export COVERAGE_FILE := $(CURDIR)/.cache/coverage/data
MEASURED := .cache/coverage/complete
MEASURED_FROM := Makefile pyproject.toml requirements.lock $(wildcard README.md) $(shell \
	find sidecar tests deploy docs scripts -type f -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(INSTALLED) ## set everything up and run the demo; Ctrl-C ends it
	@$(BIN)/sidecar demo $(ARGS)

# The whole suite measures its coverage as it runs, so that `check` need not run it again. A part of
# it (ARGS) says nothing about coverage.
.PHONY: test
test: $(INSTALLED) programs ## set everything up and run all tests
ifeq ($(strip $(ARGS)),)
	@$(run-measured)
else
	@$(PYTEST) $(ARGS)
endif

define run-measured
rm -rf .cache/coverage && mkdir -p .cache/coverage && \
$(PYTEST) --cov --cov-report= && \
touch $(MEASURED)
endef

.PHONY: fuzz
fuzz: $(INSTALLED) ## ask the running service 5 000 odd questions about its OpenAPI document
	@FUZZ_EXAMPLES=75 $(BIN)/pytest tests/faults/test_any_call.py $(ARGS)

# How long, in seconds, and from which seed the faults are drawn; without one, a new seed.
SECONDS := 600
SEED :=

.PHONY: chaos
chaos: $(INSTALLED) programs ## break everything in turn for 10 minutes (SECONDS=60 SEED=...: again)
	@$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

.PHONY: propagation
propagation: $(INSTALLED) programs ## measure how long 2 000 logouts take until another replica refuses, under load
	@PROPAGATION_REVOCATIONS=2000 $(BIN)/pytest -s tests/faults/test_propagation.py $(ARGS)

# Those whose figures stand in docs/guarantees.md, one test after the other.
FAULTS := tests/faults/test_redis_f*.py tests/faults/test_sql_*.py tests/faults/test_soak.py \
	tests/faults/test_sigterm.py

.PHONY: figures
figures: $(INSTALLED) programs ## measure how the gate answers through every fault, for docs/guarantees.md
	@rm -f .cache/figures && mkdir -p .cache && \
	FAULT_FIGURES=$(CURDIR)/.cache/figures $(BIN)/pytest -q $(FAULTS) $(ARGS); cat .cache/figures

.PHONY: aiohttp
aiohttp: $(INSTALLED) ## run the tests that lean on aiohttp on the oldest and the newest that is allowed
	@AIOHTTP_NEWEST=1 $(BIN)/pytest tests/web/test_aiohttp_range.py $(ARGS)

.PHONY: screenshots
screenshots: $(INSTALLED) programs ## take the pictures of docs/pages.md anew
	@$(BIN)/python -m tests.browser.screenshots docs/screenshots

.PHONY: bench
bench: $(INSTALLED) programs ## measure what a decision costs beside a bare handler (ARGS=--short: quickly)
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: endurance
endurance: $(INSTALLED) programs ## send 10 000 000 requests, a tenth with bad tokens, and watch the memory
	@$(BIN)/python -m tests.bench.endurance 10000000 $(ARGS)

.PHONY: check
check: lint speed coverage ## run all gates: lint, types, imports, speed, coverage, Dockerfile, locks

# One target for each, so that `make -k check` runs on after a failure and names every gate that fails.
GATES := ruff format types imports dockerfile locks

.PHONY: lint $(GATES)
lint: $(GATES) ## run the gates that need no test run

$(GATES): $(INSTALLED)

# Outside a git checkout ruff does not know what .gitignore leaves out.
RUFF_PATHS := --extend-exclude .tools .

ruff:
	$(BIN)/ruff check $(RUFF_PATHS)

format:
	$(BIN)/ruff format --check $(RUFF_PATHS)

types:
	$(BIN)/mypy
	$(BIN)/mypy --strict scripts

imports:
	$(BIN)/lint-imports

dockerfile:
	$(BIN)/hadolint Dockerfile

locks:
	$(BIN)/python scripts/check_lock.py
	.tools/bin/uv pip check --quiet --python $(BIN)/python

# It wants the machine for itself: not among the gates that `lint` runs, perhaps several at a time.
.PHONY: speed
speed: $(INSTALLED) programs ## compare a warm decision with a bare handler, and a start with its imports
	$(BIN)/python -m tests.bench.speed

.PHONY: coverage
coverage: $(MEASURED) ## judge the coverage of the last whole run; run it if files have changed since
	$(BIN)/coverage report --precision 2 --include 'sidecar/core/*' --fail-under 100
	$(BIN)/coverage report --precision 2 --omit 'sidecar/core/*' --fail-under 95

$(MEASURED): $(MEASURED_FROM) | $(INSTALLED) programs
	@$(run-measured)

.PHONY: lock
lock: $(INSTALLED) ## bring the locks in step with pyproject.toml (ARGS=--upgrade: the newest of all)
	scripts/lock.sh $(ARGS)

.PHONY: clean
clean: ## remove what was installed and measured here; keys and data stay
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: programs
programs:
	@scripts/programs.sh

$(INSTALLED): requirements.lock requirements-tools.lock pyproject.toml scripts/install.sh
	@scripts/install.sh
