# Each target installs what it needs first; `make` alone lists them.
# The project's own Node 24 first; npm itself keeps to the machine's, since it replaces node_modules.
MACHINE_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

INSTALLED := node_modules/.package-lock.json
GENERATED := crds/generated docs/errors.md
VERSITYGW_VERSION := v1.8.0
VERSITYGW := build/tools/versitygw-$(VERSITYGW_VERSION)

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Run examples/wordnet against the simulator; the answers land in build/demo/out/.
	@mkdir -p build/demo
	@for file in job.yaml wordnet.parquet; do [ -e build/demo/$$file ] || cp examples/wordnet/$$file build/demo/$$file; done
	@bin/llmbatch run build/demo/job.yaml

.PHONY: test
test: setup ## Run the unit and property tests.
	vitest run

.PHONY: test-sim
test-sim: setup ## Run a whole job in virtual time, with a kill at every I/O call.
	vitest run --config test/sim/vitest.config.ts

.PHONY: test-kill
test-kill: setup ## Kill real processes at random moments; the next run finishes and the bill holds each row once.
	vitest run --config test/kill/vitest.config.ts

.PHONY: test-s3
test-s3: setup $(VERSITYGW) ## Run the S3 tests against a real S3 server (needs Go 1.25 or newer; builds the server once).
	vitest run --config test/s3/vitest.config.ts

$(VERSITYGW): test/s3/build-versitygw.sh
	test/s3/build-versitygw.sh $(VERSITYGW_VERSION) $@

.PHONY: test-readers
test-readers: demo ## Read the demo's output with DuckDB and PyArrow (needs Python 3.11 or newer; makes a venv).
	test/readers/run-readers.sh

.PHONY: bench-job
bench-job: setup $(VERSITYGW) ## Measure a job of 200,000 rows on S3: rows/s, requests and peak memory (needs Go, as test-s3 does).
	node test/bench/job-bench.ts

.PHONY: examples
examples: setup ## Validate each example and run it against the simulator, in build/examples/.
	examples/run-examples.sh

.PHONY: lint
lint: setup ## Check style, types of promises, and import boundaries.
	oxlint --type-aware --deny-warnings

.PHONY: typecheck
typecheck: setup ## Check the types.
	tsc --noEmit

.PHONY: generate
generate: setup ## Write the generated files anew.
	node crds/generate.ts

.PHONY: verify
verify: generate typecheck lint ## Fail when generated files are out of date, types do not fit or lint finds something.
	git diff --exit-code -- $(GENERATED)
	@untracked=$$(git ls-files --others --exclude-standard -- $(GENERATED)); [ -z "$$untracked" ] || { echo "generated, but not in git: $$untracked"; exit 1; }

.PHONY: setup
setup: $(INSTALLED) ## Install the packages of package-lock.json, with a Node 24 for this project.

# Not `npm ci`: it refuses a lock that lacks the bindings for other platforms, which some registries do not serve. This installs what the
# lock names, checks it against the lock's hashes, and leaves the lock as it is.
$(INSTALLED): package.json package-lock.json
	PATH="$(MACHINE_PATH)" npm install --no-save --loglevel=error
	@touch $@

.PHONY: clean
clean: ## Remove what was built or installed.
	rm -rf build node_modules
