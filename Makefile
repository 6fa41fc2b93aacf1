# The two commands are `make demo` and `make test`; all they write is in this folder.

SHELL := /bin/bash
BIN := .venv/bin
LOCK := requirements.lock
AXE := .cache/axe/node_modules/axe-core/axe.min.js
# pip and its builds; nothing in the home folder, nothing in /tmp.
QUIETLY := mkdir -p .cache/tmp && TMPDIR="$$PWD/.cache/tmp" PIP_CACHE_DIR="$$PWD/.cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1
# Compiled modules stay in this folder; without them every start of Python takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-airflow airflow demo test test-slow test-airflow test-airflow-kills test-browser test-serving notebooks bench bench-publish bench-sql bench-live bench-batches bench-quality bench-gate bench-feeds bench-models chaos soak purchases lint clean clean-all

setup: .venv/installed
	@$(QUIETLY) $(BIN)/python -m lakehouse.jars

# Airflow cannot share an environment with the pipeline: its packages contradict Spark's.
setup-airflow: .venv-airflow/installed

# PORT=8081 another port.
airflow: setup setup-airflow
	@$(BIN)/python -m lakehouse.airflow_server

demo: setup
	@$(BIN)/lakehouse demo

test: setup setup-airflow
	@$(QUIETLY) timeout 3600 $(BIN)/python -m pytest -n 2 --dist loadgroup

test-slow: setup
	@$(QUIETLY) timeout 4500 $(BIN)/python -m pytest -m slow

# From an empty lakehouse to a scored model by a real Airflow.
test-airflow: setup setup-airflow
	@$(QUIETLY) timeout 1500 $(BIN)/python -m pytest -m airflow tests/airflow

# Its scheduler and a worker killed from outside, runs cleared, days filled again, a gate that fails; 35 min.
test-airflow-kills: setup setup-airflow
	@$(QUIETLY) timeout 3600 $(BIN)/python -m pytest -m airflow_kills tests/airflow

# An analyst's and a scientist's server of Spark, asked by clients of JDBC, Thrift and Connect.
test-serving: setup
	@$(QUIETLY) timeout 1500 $(BIN)/python -m pytest -m serving tests/serving

# A person's way through the dashboard in Debian's chromium; SHOTS=docs/pictures keeps pictures of it.
test-browser: setup $(AXE)
	@$(QUIETLY) timeout 600 $(BIN)/python -m pytest -m browser tests/boards

# Every notebook by itself and through a server of Spark, on the lakehouse at hand (`make demo` and
# `lakehouse build` fill it).
notebooks: setup
	@$(QUIETLY) timeout 1200 $(BIN)/python -m pytest -m notebooks tests/notebooks --durations=0

bench: setup
	@$(QUIETLY) $(BIN)/python -m bench.flow

# Two million rows of gold into PostgreSQL. ROWS=200000 fewer.
bench-publish: setup
	@$(QUIETLY) $(BIN)/python -m bench.publishing

# What `lakehouse sql` takes, and 20 who ask at once while a stream writes. PART=warm does one part.
bench-sql: setup
	@$(QUIETLY) $(BIN)/python -m bench.sql

# RATE=2000 MINUTES=60 is an hour of live play.
bench-live: setup
	@$(QUIETLY) $(BIN)/python -m bench.live

# LINES=80000 larger ones, TURNS=20 more of them.
bench-batches: setup
	@$(QUIETLY) $(BIN)/python -m bench.batches

# PART=faults, real or cost does one part; SEEDS="11" one world of the three.
bench-quality: setup
	@$(QUIETLY) $(BIN)/python -m bench.quality

# ROWS=100000 fewer.
bench-gate: setup
	@$(QUIETLY) $(BIN)/python -m bench.gate

# What is made of the feeds against truth. PART=positions runs one part; SEEDS="11" one world of PART=shelves.
bench-feeds: setup
	@$(QUIETLY) $(BIN)/python -m bench.feeds

# Models beside baselines and other libraries, and bad ones. PART=oracles, judged, repeats, planted or
# speed does one part.
bench-models: setup
	@$(QUIETLY) $(BIN)/python -m bench.models

# PART=answers runs one part; SEED=2 at other instants; KILLS=20 fewer kills.
chaos: setup
	@$(QUIETLY) $(BIN)/python -m bench.chaos

# BATCHES=200 fewer.
soak: setup
	@$(QUIETLY) $(BIN)/python -m bench.chaos.soak

# Baskets, items and revenue of the lakehouse at hand, beside the package's own table in pandas.
purchases: setup
	@$(QUIETLY) $(BIN)/python -m bench.purchases

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --cache-dir .cache/mypy lakehouse
	$(BIN)/lint-imports --no-cache

# PYTHON=... chooses another one than the first on the path that will do.
.venv/bin/python:
	@for python in $(PYTHON) python3.11 python3.12 python3; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; \
	    then $(QUIETLY) $$python -m venv .venv && exit 0; exit 1; fi; \
	done; \
	echo "setup: no Python 3.11 or 3.12 on the path; install one, or run 'make $(MAKECMDGOALS) PYTHON=/path/to/it'" >&2; exit 1

.venv-airflow/installed: airflow.lock setup.cfg | .venv/bin/python
	@echo "setup: Airflow's own packages"
	@.venv/bin/python -m venv .venv-airflow
	@$(QUIETLY) .venv-airflow/bin/python -m pip install --quiet --no-compile --requirement airflow.lock
	@$(QUIETLY) .venv-airflow/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

.venv/installed: $(LOCK) setup.cfg pyproject.toml | .venv/bin/python
	@java -version >/dev/null 2>&1 || [ -n "$$JAVA_HOME" ] || { echo "setup: no java on the path; install a JDK 17 or later" >&2; exit 1; }
	@echo "setup: the Python packages"
	@$(QUIETLY) $(BIN)/python -m pip install --quiet --no-compile --requirement $(LOCK)
	@$(QUIETLY) $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Finds faults of accessibility; only the browser's tests need it.
$(AXE):
	@mkdir -p .cache/axe && npm install --silent --no-save --no-audit --no-fund --prefix .cache/axe axe-core@4.14.1

clean:
	@[ ! -x $(BIN)/lakehouse ] || $(BIN)/python -c "from lakehouse import s3_server, settings; from lakehouse.publishing import server; s3_server.stop(settings.home()); server.remove(settings.home())"
	rm -rf .lakehouse .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

clean-all: clean
	rm -rf .venv .venv-airflow .jars *.egg-info
