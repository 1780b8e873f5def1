# `demo`, `test`, `lint` and `docs` set up all that they need in .venv; scripts/setup.sh does it and says what it does.

PYTHON = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint docs clean
.NOTPARALLEL:

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

demo: ## Train two classifiers on handwritten digits
	@sh scripts/setup.sh demo
	@# on matrices this small several threads gain nothing, and lose much when the cores are busy
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(PYTHON) examples/quickstart.py

test: ## Run the quick tests and the examples in the docstrings (some minutes on two cores)
	@sh scripts/setup.sh test
	@scripts/test

test-all: ## Run all tests, the slow ones too
	@sh scripts/setup.sh test
	@scripts/test all

lint: ## Check style, format, spelling, imports and types
	@sh scripts/setup.sh dev
	@scripts/check

docs: ## Build the site into build/site/html (a few minutes the first time: it runs the examples)
	@sh scripts/setup.sh docs
	@$(PYTHON) docs/site/build.py

clean: ## Remove .venv and everything else that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .coverage
	find . -type d -name __pycache__ -prune -exec rm -rf {} +
