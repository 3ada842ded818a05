# Every task of this repository; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCK   := requirements/dev.txt
MUTATION := requirements/mutation.txt
IMAGES := producer scraper analyzer
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help run test install check format lock dashboards picture manifests docs bench footprint fuzz chaos mutate clean

help: ## list every target with a sentence
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## the whole fleet on this machine with sample bookmarks; ARGS goes to `fleet up`
	@$(BIN)/fleet up $(if $(findstring --url,$(ARGS)),,--sample) $(ARGS)

test: install ## all tests against real servers, installing RabbitMQ, Chromium and Prometheus where they are missing
	@./tests/install-servers
	@# One more than the cores: most of a whole fleet's tests is waiting.
	$(BIN)/pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadgroup $(ARGS)

install: $(VENV)/.installed ## create .venv with everything; does nothing when it is up to date

$(VENV)/.installed: $(LOCK) pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# As constraints too: pip asks for `name[extra]` apart from the locked `name`, and would take the newest there is.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK) -c $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

check: install ## formatting, lint, types, import contracts, rules, dashboards, images, manifests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@./tests/install-servers prometheus
	$(BIN)/python -m pytest -q tests/architecture

format: install ## rewrite files as the formatter and the safe lint fixes want them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve pyproject.toml anew into requirements/, with hashes and without any index address
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file $(LOCK)
	build/lock/bin/uv pip compile pyproject.toml --extra mutation --constraint $(LOCK) --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file $(MUTATION)
	for image in $(IMAGES); do build/lock/bin/uv pip compile pyproject.toml --extra $$image --extra tracing --constraint $(LOCK) --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
	    --output-file requirements/$$image.txt || exit 1; done
	echo hatchling | build/lock/bin/uv pip compile - --constraint $(LOCK) --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements/build.txt

bench: install ## the benchmarks, each against a baseline in the same run: one table, and build/bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

footprint: install ## what each role takes of memory, processor and connections: the table in docs/operations/sizing.md; ten minutes
	@./tests/install-servers
	@$(BIN)/python -m tests.footprint $(ARGS)

fuzz: install ## the property tests with many more examples than `make test` gives them
	$(BIN)/pytest -n auto --hypothesis-profile fuzz -m hypothesis $(ARGS)

chaos: install ## the promises under losses, with many more bookmarks than `make test` takes
	@./tests/install-servers
	FLEET_CHAOS_BOOKMARKS=2000 FLEET_CHAOS_SEALED_S=60 FLEET_CHAOS_RENDERS=500 FLEET_CHAOS_USERS=1000 FLEET_CHAOS_ANALYSES=1000 FLEET_CHAOS_OUTAGES=10 $(BIN)/pytest tests/chaos tests/integration/test_one_fetch_for_all.py $(ARGS)

mutate: install ## change shared/quota and shared/keys in many small ways; `.venv/bin/mutmut results` lists what no test noticed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(MUTATION) -c $(MUTATION)
	$(BIN)/python -m tests.mutation $(ARGS)

dashboards: install ## write deploy/grafana/dashboards from the code beside it
	$(BIN)/python -m deploy.grafana.building

picture: install ## draw docs/images: the dashboards with figures of a real fleet under load; some four minutes
	@./tests/install-servers
	$(BIN)/python -m tests.picture

manifests: install ## write the parts of deploy/k8s that are made from other files of deploy/
	$(BIN)/python -m deploy.k8s.building.manifests

docs: install ## write docs/configuration.md from the settings classes
	$(BIN)/python -m services.cli.configuration > docs/configuration.md

clean: ## remove what can be made again; the fleet's data in .fleet stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
