# `make demo`: set everything up and run the main job with the dashboard on 127.0.0.1:8501 (ARGS=--once: headless, to the end).
# `make test`: set everything up and pass every check.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS ?=

.PHONY: demo up test test-in-browser test-without-browser check compose format screenshots bench bench-its bench-collimation bench-schlieren bench-peers models lock audit sbom clean

demo: $(VENV)/.run
	$(BIN)/shiftwatch demo $(ARGS)

up: $(VENV)/.run
	$(BIN)/shiftwatch up $(ARGS)

# Two halves side by side, for what drives a browser mostly waits, then the containers (skipped unless SHIFTWATCH_COMPOSE
# asks for them); with ARGS one run with these.
test: check
ifneq ($(ARGS),)
	$(BIN)/python -m pytest $(ARGS)
else
	$(MAKE) --keep-going --jobs=2 --output-sync=line test-in-browser test-without-browser
	$(BIN)/python -m pytest -m compose tests/compose
endif

test-in-browser:
	$(BIN)/python -m pytest -m e2e

test-without-browser:
	$(BIN)/python -m pytest -m "not e2e and not compose"

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The containers on a Docker engine of the tests' own (root; Debian: docker.io docker-compose debootstrap iptables).
compose: $(VENV)/.test
	SHIFTWATCH_COMPOSE=required $(BIN)/python -m pytest tests/compose $(ARGS)

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(VENV)/.test
	SHIFTWATCH_SCREENSHOTS=1 $(BIN)/python -m pytest -m e2e $(ARGS)

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.flex $(ARGS)

bench-its: $(VENV)/.test
	$(BIN)/python -m benchmarks.its $(ARGS)

bench-collimation: $(VENV)/.test
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m benchmarks.collimation $(ARGS)

bench-schlieren: $(VENV)/.test
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m benchmarks.schlieren $(ARGS)

# The peers' own environment (their dependencies disagree with ours), then every row of the comparison.
PEERS ?= $(CURDIR)/var/peers
bench-peers: $(VENV)/.test
	$(BIN)/python -m benchmarks.flex.peers $(PEERS)/venv $(PEERS)/cache
	SHIFTWATCH_BENCH_CACHE=$(PEERS)/cache SHIFTWATCH_BENCH_PYTHON=$(PEERS)/venv/bin/python \
		$(BIN)/python -m benchmarks.flex --peers --part flex98 --part speed $(ARGS)

models: $(VENV)/.test
	$(BIN)/python -m inspection.flex.shipping $(ARGS)

# Known vulnerabilities in what is pinned; says so and goes on where the network does not let it ask.
audit: $(VENV)/.test
	$(BIN)/python deploy/audit.py

# What the image holds, as CycloneDX (SBOM); ARGS='--extra train' for the image that trains.
sbom: $(VENV)/.test
	$(BIN)/python deploy/sbom.py build/sbom.cdx.json $(ARGS)

lock: $(VENV)/.test
	$(BIN)/python -m pip freeze --exclude-editable | sed -e 's/+cpu//' -e '/^shiftwatch/d' > constraints.txt

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[train,test]'
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache
