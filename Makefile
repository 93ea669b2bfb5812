# Oxbow's commands; `make` alone lists them. The modules are those of go.work; the linters are pinned in tools/go.mod.

MODULES  := $(shell go work edit -json | sed -n 's/.*"DiskPath": "\(.*\)".*/\1/p')
PACKAGES := $(MODULES:%=%/...)
TARGETS  := $(shell go env GOOS)/$(shell go env GOARCH) darwin/arm64 windows/amd64
FUZZTIME := 10s
BENCH    :=

.PHONY: help test check compiler lint fuzz bench run fmt

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

test: compiler lint ## lint, then every test of every module with -race, and more seeds of the fault test; CI runs this
	go test -race -timeout 15m $(PACKAGES)
	go test -timeout 10m -run TestFaults ./store/filelog

check: compiler lint ## like test, but takes no result from the test cache
	go test -race -timeout 15m -count=1 $(PACKAGES)
	go test -timeout 10m -count=1 -run TestFaults ./store/filelog

compiler:
	@set -- $$(go env CC) && command -v "$$1" > /dev/null || \
		{ echo "the race detector needs a C compiler, and $$(go env CC) is not here: install gcc or clang"; exit 1; }

lint: ## format and staticcheck; then each module on its own: tidy, build and vet here and for macOS and Windows
	@echo "lint: fetching and building gofumpt and staticcheck, unless they are there already"
	@files=$$(go tool gofumpt -l .) && test -z "$$files" || { echo "not formatted, run make fmt:" $$files; exit 1; }
	go tool staticcheck $(PACKAGES)
	@set -e; export GOWORK=off; for module in $(MODULES); do \
		echo "lint: $$module: tidy; build and vet for $(TARGETS)"; \
		go -C $$module mod tidy -diff; \
		for target in $(TARGETS); do \
			export GOOS=$${target%/*} GOARCH=$${target#*/}; \
			go -C $$module build -o /dev/null ./... && go -C $$module vet ./... || { echo "lint: $$module fails for $$target"; exit 1; }; \
		done; \
	done

fuzz: ## run each fuzz test for FUZZTIME (make fuzz FUZZTIME=1m)
	@grep -rEo '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | while IFS=: read -r file func; do \
		dir=$$(dirname "$$file") name=$${func#func }; \
		echo "fuzz: $$dir $$name for $(FUZZTIME)"; \
		go test -C "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) . || exit 1; \
	done

bench: ## measure Oxbow beside its peers (make bench BENCH="flags of bench/")
	@echo "bench: building the peers and testing them, unless that was done before"
	go -C bench test -tags peers ./peers
	go -C bench run -tags peers . $(BENCH)

run: ## start a server with sample data and a small live workload
	go run ./cmd/oxbow serve --demo

fmt: ## format every Go file
	go tool gofumpt -w .
