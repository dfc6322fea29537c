# make demo    one failure from the kernel's request to a draft pull request, on this machine
# make test    everything, with what it needs set up first
# make eval    the replayed benchmark
# make bench   the performance figures
# make build   bin/daemon-hotfix
GO ?= go

demo: setup
	@$(GO) run ./cmd/demo $(ARGS)

test: setup lint
	$(GO) test -timeout 20m ./...

eval: setup
	$(GO) run ./cmd/evals run $(ARGS)

bench:
	$(GO) test -run '^$$' -bench . -benchtime 2s ./...

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/daemon-hotfix ./cmd/daemon-hotfix

manifest:
	$(GO) run ./cmd/daemon-hotfix manifest > manifest.json

lint:
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l)" || { echo 'gofmt would change:'; git ls-files '*.go' | xargs gofmt -l; exit 1; }
	$(GO) vet ./...

setup:
	@.ci/setup

.PHONY: demo test eval bench build manifest lint setup
