# make demo    one failure from the kernel's request to a draft pull request, on this machine
# make test    everything, with what it needs set up first
# make eval    the replayed benchmark
# make bench   the performance figures, into docs/performance.md
# make build   bin/daemon-hotfix
# make release VERSION=v1.2.3   what a release consists of, into out/release
# make pictures   the README's pictures, from the demo as it is now
# make lint vuln fuzz race licences   what CI runs besides
GO ?= go
LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN = golang.org/x/vuln/cmd/govulncheck@v1.8.0
FUZZ ?= 5s
# What .ci/setup installs comes first.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

demo:
	@.ci/setup demo
	@$(GO) run ./cmd/demo $(ARGS)

test: setup vet
	$(GO) test -timeout 20m ./...

eval: setup
	$(GO) run ./cmd/evals run --quiet --out out/evals --baseline evals/baseline.json $(ARGS)
	$(GO) run ./cmd/evals risk

bench: setup
	.ci/bench docs/performance.md

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/daemon-hotfix ./cmd/daemon-hotfix

manifest:
	$(GO) run ./cmd/daemon-hotfix manifest > manifest.json

pictures:
	.ci/pictures

release:
	.ci/release $(VERSION) out/release

vet:
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l)" || { echo 'gofmt would change:'; git ls-files '*.go' | xargs gofmt -l; exit 1; }
	$(GO) vet ./...

lint: vet
	$(GO) run $(LINT) run ./...

vuln:
	$(GO) run $(VULN) ./...

race: setup
	$(GO) test -race -timeout 40m ./...

fuzz:
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) $$p || exit 1; done; done

licences:
	@.ci/licences

setup:
	@.ci/setup

.PHONY: demo test eval bench build manifest pictures release vet lint vuln race fuzz licences setup
