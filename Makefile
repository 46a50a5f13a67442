# One-word commands of the suite. `make help` lists them.
PY := .venv/bin/python
TARGETS := oran e2sim ric xapps rapp deployment docker scripts tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test test-slow check format lint types imports proto proto-check bench clean charts charts-live charts-generate images pods fuzz

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## system packages, .venv, pinned Python packages (runs by itself when needed)
	@scripts/setup.sh

demo: setup ## the whole loop, once: train, gate, push, swap; leaves out/demo/report.json and plots
	@$(PY) -m rapp demo

up: setup ## start Redis, ric, e2sim, rapp and the ssvae xApp and keep them running
	@$(PY) -m rapp up

down: ## stop what `make up` started
	@$(PY) -m rapp down

test: setup ## the default test suite
	$(PY) -m pytest -m "not slow"

test-slow: setup ## the long tests
	$(PY) -m pytest -m slow

check: setup format lint types imports proto-check test ## all that must hold before a change lands

format: setup
	$(PY) -m ruff format --check $(TARGETS)

lint: setup
	$(PY) -m ruff check $(TARGETS)

types: setup
	$(PY) -m mypy

imports: setup
	.venv/bin/lint-imports

proto: ## regenerate the stubs from proto/ (needs protobuf-compiler and protobuf-compiler-grpc)
	scripts/generate_protos.sh

proto-check: ## fail if the stubs are not what proto/ gives
	@scripts/check_protos.sh

bench: setup ## all benchmarks, the output of each in out/bench (JSON or a table)
	@mkdir -p out/bench; for b in benchmarks/*.py; do n=$$(basename $$b .py); echo "$$n"; $(PY) -m benchmarks.$$n > out/bench/$$n.txt || exit 1; done

clean: ## remove what builds and runs leave behind (not .venv)
	rm -rf out build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .benchmarks

charts: setup ## check charts, rules, dashboards, images and descriptors without a cluster
	scripts/setup_charts.sh
	$(PY) -m pytest tests/deployment -m "not slow"

fuzz: setup ## a million mutated messages through every decoder
	$(PY) -m tests.fuzz.run

charts-live: setup ## every dashboard's query against a Prometheus that scrapes the running suite; pictures in docs/img
	scripts/setup_charts.sh
	$(PY) -m deployment.observability.live --pictures docs/img

charts-generate: setup ## write charts, dashboards and rules anew from the list of xApps and their descriptors
	scripts/setup_charts.sh
	$(PY) -m deployment

images: ## build all images (docker, podman or buildah); needs RMR_URL and RMR_SHA256, or RMR=stand-in
	scripts/images.sh

pods: setup ## the charts' pods under podman, and the charts' own tests against them (after `make images`)
	scripts/setup_charts.sh
	$(PY) -m deployment.pods
