# The menu. `make demo` and `make test` do all their own set-up on Debian or Ubuntu.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 4
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

# program:Debian package. The demo wants Prometheus; the tests want the rest too.
DEMO_PARTS := prometheus:prometheus
TEST_PARTS := $(DEMO_PARTS) prometheus-alertmanager:prometheus-alertmanager nginx:nginx haproxy:haproxy \
	chromium:chromium firefox-esr:firefox-esr node:nodejs npm:npm tsc:node-typescript ip:iproute2 nft:nftables openssl:openssl \
	redis-server:redis-server redis-sentinel:redis-sentinel caddy:caddy varnishd:varnish \
	victoria-metrics:victoria-metrics
# The same, of a later Debian.
NEWER_PARTS := prometheus:prometheus victoria-metrics:victoria-metrics vmalert:victoria-metrics

# Where it is set, each server and command that a test starts would compile all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait more than they work, so four at once keep two cores busy. A file stays in one process,
# and the files start in our order: those that wait longest first.
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast prove check types collect lint docs render release versions wheel bench setup parts

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: PARTS = $(DEMO_PARTS)
demo: parts $(VENV)/demo  ## See it work: boards, streams, synthetic users, Prometheus, an alert with its runbook
	@trap : INT; $(BIN)/sse-observe demo $(ARGS) || [ $$? -eq 130 ]  # Ctrl-C is how it ends

test: setup  ## Everything but the exhaustive runs
	$(BIN)/python -m pytest $(PARALLEL) --durations=15 $(ARGS)

# These work all the time.
test-fast: WORKERS = 2
test-fast: $(VENV)/dev  ## Everything that needs no server and less than a second
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

prove: PARTS = $(TEST_PARTS)
prove: parts $(VENV)/dev  ## The exhaustive runs
	$(BIN)/python -m pytest -m prove $(ARGS)

check: $(VENV)/dev  ## Lint, format, types, spelling, the rendered files, the documentation, and the contract of the last release
	@$(MAKE) --no-print-directory -j2 collect types lint docs

types: $(VENV)/dev
	$(BIN)/mypy

# Each process of `make test` finds all tests for itself, and compiles them if nobody has before.
collect: $(VENV)/dev
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || $(BIN)/python -m pytest --collect-only -q

lint: $(VENV)/dev
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/codespell -D - -D tests/support/documents/plain_english.txt
	$(BIN)/sse-observe render --check
	$(BIN)/python -m tests.support.contract

docs: $(VENV)/dev  ## Build the documentation into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

render: $(VENV)/dev  ## Write dashboards/, alerts/, runbooks/, docs/examples/targets/, and the tables of docs/
	$(BIN)/sse-observe render
	$(BIN)/python -m tests.support.documents && $(BIN)/python -m tests.support.examples
	$(BIN)/python -m tests.support.contract --render

bench: $(VENV)/dev  ## Measure the cost of the middleware, as ratios
	$(BIN)/python -m pytest tests/bench -m "prove or slow" -s -p no:randomly
	$(BIN)/python tests/bench/beacon.py && $(BIN)/python tests/bench/headline.py

release: PARTS = npm:npm
release: parts $(VENV)/dev  ## Write VERSION=… into the tree, build and check dist/; uploads nothing
	$(BIN)/python -m release "$(VERSION)"
	@touch $(VENV)/demo $(VENV)/dev  # a version alone was written: nothing is installed for it

# lowest-direct or highest; PYTHON says for which Python. Datadog's agent, which two files of tests ask,
# has one version for each of its parts; check-jsonschema wants a newer click than the lowest typer, which
# spells the commands' reference in its own way too.
RESOLUTION ?= lowest-direct
versions: $(VENV)/dev  ## Fast tests over the lowest versions of all dependencies, or RESOLUTION=highest
	$(BIN)/uv venv -q --clear --python $(PYTHON) .venv-versions
	$(BIN)/uv pip compile -q --python $(PYTHON) --no-deps --resolution $(RESOLUTION) --extra all -o .venv-versions/ours.txt pyproject.toml
	VIRTUAL_ENV=.venv-versions $(BIN)/uv pip install -q --override .venv-versions/ours.txt -e '.[all]' --group dev
	.venv-versions/bin/python -m pytest -n 2 -m "not slow and not prove" --ignore-glob="*/integration/test_datadog*" \
	  --ignore-glob="*/integration/test_workflows*" \
	  --deselect "tests/integration/test_docs.py::test_generated_tables_are_as_their_sources_have_them[docs/reference/cli.md]" $(ARGS)

wheel: $(VENV)/demo  ## Build the wheel into dist/
	$(BIN)/pip wheel -q --no-deps -w dist .

setup: PARTS = $(TEST_PARTS)
setup: parts  ## Install what the tests need
	@$(MAKE) --no-print-directory -j3 $(VENV)/dev tests/js/node_modules tests/newer/bin

parts:
	@missing=$$(for part in $(PARTS); do command -v $${part%%:*} >/dev/null || echo $${part##*:}; done; \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null || echo python3-venv); \
	[ -z "$$missing" ] || { echo "Installing" $$missing; $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
	  echo "Could not install:" $$missing "- what needs it will say so." >&2

tests/js/node_modules: tests/js/package.json
	@npm install --prefix tests/js --no-package-lock --no-audit --no-fund --silent && touch $@ || \
	  echo "Could not install the npm packages of tests/js - what needs them will say so." >&2

# Prometheus 3, beside the system's.
tests/newer/bin: tests/newer/fetch.sh
	@sh $< forky $(NEWER_PARTS) && touch $@ || \
	  echo "Could not fetch newer programs - what needs them will say so." >&2

$(VENV)/uv:
	$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q --upgrade pip uv
	@touch $@

# uv takes a seventh of pip's time; pip knows indexes that are set up for it alone.
define install
$(BIN)/uv pip install -q --python $(BIN)/python $(1) || $(BIN)/pip install -q $(1)
endef

$(VENV)/demo: pyproject.toml | $(VENV)/uv
	$(call install,-e '.[all]')
	@touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/uv
	$(call install,-e '.[all]' --group dev)
	@touch $(VENV)/demo $@
