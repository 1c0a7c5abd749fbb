# From a fresh clone: `make demo` shows the whole loop, `make test` proves it. Only Python, make and git need to be there.
SHELL := /bin/sh
PY := .venv/bin/python
READY := .venv/.ready
DATABASE_URL_TESTS := sqlite://:memory:
PYTEST_ARGS ?=
SERVE_ARGS ?=
FUZZ_ARGS ?=
STORIES ?= 1000

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.DELETE_ON_ERROR:
.PHONY: help setup demo demo-google serve test stories screenshots bench fuzz prove check

help:
	@echo "make setup   the environment and the database, nothing else"
	@echo "make demo    a finished planning loop on sample workbooks"
	@echo "make demo-google   the same on Google spreadsheets, which this machine serves: no account needed"
	@echo "make serve   the web pages and the worker, until Ctrl-C (SERVE_ARGS=\"--bind 0.0.0.0:8000\")"
	@echo "make test    every test, on SQLite and on PostgreSQL (PYTEST_ARGS=\"-k merge\")"
	@echo "make screenshots  the pictures of the docs, drawn anew by the browser tests"
	@echo "make stories  a thousand stories of people who edit while everything fails, on a Sheets server (STORIES=100)"
	@echo "make check   style, types, import rules, Django's own checks"
	@echo "make bench   the benchmarks"
	@echo "make fuzz    a million random and hostile formulas (FUZZ_ARGS=\"20000 7\" for fewer, by another seed)"
	@echo "make prove   the optimizer against every subset of thousands of small problems; takes minutes"

setup: $(READY) var/secret_key
	@$(PY) manage.py migrate --verbosity 0
	@echo "Ready: the environment is in .venv, the database is up to date."

# The demo draws a hundred times, so that it is told quickly.
demo: setup
	@SELECTION_DRAWS=$${SELECTION_DRAWS:-100} $(PY) manage.py demo

demo-google: $(READY) var/secret_key
	@SELECTION_DRAWS=$${SELECTION_DRAWS:-100} $(PY) manage.py demo_google

serve: setup
	@$(PY) manage.py serve $(SERVE_ARGS)

# Both runs always happen; the answer is a failure when either fails, or when there is no browser to test the pages with.
test: $(READY)
	@status=0; \
	$(PY) -m tests.browser.chromium || status=$$?; \
	echo "Every test, on SQLite"; \
	DATABASE_URL=$(DATABASE_URL_TESTS) $(PY) -m pytest -n auto $(PYTEST_ARGS) || status=$$?; \
	echo "The tests that use the database, on PostgreSQL"; \
	$(PY) -m tests.postgres $(PY) -m pytest -n auto -m database $(PYTEST_ARGS) || status=$$?; \
	exit $$status

screenshots: $(READY)
	@$(PY) -m tests.browser.chromium
	@SCREENSHOTS=1 DATABASE_URL=$(DATABASE_URL_TESTS) $(PY) -m pytest tests/browser -p no:randomly $(PYTEST_ARGS)

# A story that fails names its seed: .venv/bin/pytest tests/sheetsync/test_google_stories.py -k "[94]", with STORIES=1000 set.
stories: $(READY)
	@DATABASE_URL=$(DATABASE_URL_TESTS) STORIES=$(STORIES) GOOGLE_ROWS=10000 $(PY) -m pytest -n auto \
		tests/sheetsync/test_google_stories.py tests/sheetsync/test_google_syncing.py $(PYTEST_ARGS)

bench: $(READY)
	@$(PY) -m tests.benchmarks

fuzz: $(READY)
	@$(PY) -m tests.fuzz_formulas $(FUZZ_ARGS)

prove: $(READY)
	@$(PY) -m tests.optimization

check: $(READY) var/secret_key
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy config sheetsync backlog productops optimization
	.venv/bin/lint-imports
	$(PY) manage.py check
	$(PY) manage.py makemigrations --check --dry-run

# Each candidate is asked for its version, not only looked up: a shim may stand on the PATH and refuse to run.
# A system Python may come without ensurepip, and then can't make an environment that holds pip.
$(READY): pyproject.toml constraints.txt
	@python=""; \
	for candidate in python3.14 python3.13 python3.12 python3 "$$HOME"/.pyenv/versions/*/bin/python3; do \
		if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
			python="$$candidate"; break; \
		fi; \
	done; \
	if [ -x $(PY) ] && $(PY) -m pip --version >/dev/null 2>&1 && $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then \
		:; \
	elif [ -n "$$python" ]; then \
		echo "Making .venv with $$("$$python" --version)"; \
		"$$python" -m venv --clear .venv || exit 1; \
	else \
		echo "Python 3.12 or newer is needed, with its venv and ensurepip modules, and none was found." >&2; \
		echo "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python; anywhere: pyenv install 3.13)," >&2; \
		echo "then run make again." >&2; \
		exit 1; \
	fi
	@$(PY) -c 'import pathlib, tomllib; \
	project = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))["project"]; \
	print(*project["dependencies"], *project["optional-dependencies"]["dev"], sep="\n")' > .venv/requirements.txt
	@echo "Installing what pyproject.toml names, at the versions of constraints.txt"
	@$(PY) -m pip install --quiet --requirement .venv/requirements.txt --constraint constraints.txt
	@$(PY) -m pip check --quiet
	@touch $@

# Signs sessions; every installation has its own, readable by its owner alone.
var/secret_key: | $(READY)
	@mkdir -p var
	@umask 077 && $(PY) -c 'import secrets; print(secrets.token_urlsafe(50))' > $@
