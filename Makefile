# Another interpreter: make check PYTHON=/path/to/python (with requirements-dev.txt installed).
PYTHON ?= .venv/bin/python

.PHONY: setup run check lint test bounds e2e bench screenshot lessons lock resolve audit sbom

setup:  ## environment with everything, in .venv
	python3 start.py setup

run:  ## the app on http://localhost:8501, reloading when a file is saved
	$(PYTHON) -m streamlit run app.py --server.fileWatcherType auto

check: lint test bounds e2e  ## what CI runs

lint:  ## format, style, types, layers
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test:  ## everything that needs no browser, on up to four cores
	$(PYTHON) -m pytest -m "not e2e" --numprocesses auto --maxprocesses 4 --dist worksteal --durations 30

# What calls the machine code with random shapes; an index beyond an array raises IndexError here.
BOUNDED = tests/unit/engine/machine/test_problem.py tests/unit/engine/test_kernel.py tests/unit/engine/machine/test_rows.py \
	tests/property/test_wrong_input.py tests/property/test_gradients.py \
	tests/property/test_ensemble.py tests/property/test_resume.py

bounds:  ## the engine's tests with every index of the machine code checked; it is compiled anew
	NUMBA_BOUNDSCHECK=1 $(PYTHON) -m pytest $(BOUNDED) --numprocesses auto --maxprocesses 4 --dist worksteal

e2e:  ## only the browser tests: two files at a time, then alone those that look at the clock
	$(PYTHON) -m pytest tests/e2e -m "not timed" --numprocesses 2 --dist loadfile --durations 20
	$(PYTHON) -m pytest tests/e2e -m timed --durations 10

bench:  ## speed and size, each script prints its table
	for file in benchmarks/*.py; do PYTHONPATH=. $(PYTHON) "$$file" || exit 1; done

screenshot:  ## the picture in the README, from the running app
	PYTHONPATH=. $(PYTHON) docs/screenshot.py

lessons:  ## docs/lessons.md and docs/lessons.zh.md, written from the lessons' data
	$(PYTHON) -c "from nndl_core.course.lessons.overview import write_pages; write_pages()"

lock:  ## constraints.txt: every package that requirements.txt brings, as this environment has it
	$(PYTHON) -m supply_chain.closure > constraints.new && mv constraints.new constraints.txt

resolve:  ## which Pythons and systems have a wheel of each of them; downloads none
	$(PYTHON) -m supply_chain.resolve

audit:  ## known vulnerabilities of all of them; needs pypi.org or api.osv.dev
	$(PYTHON) -m supply_chain.audit

sbom:  ## sbom.cdx.json, the bill of materials of what runs
	$(PYTHON) -m supply_chain.sbom
