# `make` alone lists the commands; they sit on top of pip and pytest.
.DEFAULT_GOAL := help
.PHONY: help setup test lint format types lab faults interop bench bench-peers notebooks

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install nbtrack for work on it, with all tools
	pip install -e ".[test,dev,demo]" -c tests/constraints.txt

test: ## run the tests
	pytest

lint: ## check style and spelling
	ruff check .
	ruff format --check .
	codespell nbtrack tests docs notebooks README.md CHANGELOG.md CONTRIBUTING.md

format: ## put the code into shape
	ruff check --fix .
	ruff format .

types: ## check types
	pyright

lab: ## open JupyterLab on the notebooks
	jupyter lab notebooks

faults: ## run the long fault tests: kills, crowds, forks
	NBTRACK_TEST_FAULTS=full pytest tests/faults -q

interop: ## test models and callbacks beside the real MLflow; installs it
	pip install -q -e ".[test,interop]" -c tests/constraints.txt
	pytest tests/interop

bench: ## measure, next to the floors; prints the README's table
	python -m tests.benchmarks

bench-peers: ## measure beside MLflow, W&B, Trackio and Aim; installs them into build/peers first
	python -m tests.benchmarks.peers

notebooks: ## execute the notebooks in place, with static outputs
	python -m tests.notebooks
