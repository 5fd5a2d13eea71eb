# Everything builds without cgo: one static binary, and one set of flags keeps the
# build cache to one copy. Only the race detector needs cgo.
export CGO_ENABLED = 0

BIN = bin/whalefall
RACE = ./internal/event ./internal/journal ./internal/artifact ./internal/record ./internal/vfs ./internal/kernel ./internal/shell ./internal/internet ./internal/redact

.PHONY: build run deps test race lint fidelity clients generate bench conformance soak fuzz cover clean

build:
	go build -trimpath -o $(BIN) ./cmd/whalefall

# A decoy on 127.0.0.1:2375 until Ctrl-C.
run: build
	$(BIN) serve

# What the tests need beside Go: Debian's packages and the docker client.
deps:
	scripts/deps.sh

test: deps
	scripts/test.sh

race:
	CGO_ENABLED=1 go test -race -short $(RACE)

# Which faults it looks for, and why: .golangci.yml.
lint:
	scripts/lint.sh

# All transcripts against the real daemons, beside the decoy, in the same run.
fidelity: deps
	go test -count=1 -timeout 30m ./test/fidelity -args -real

# Docker's own test suites against decoys of all three releases, beside what the real
# daemons pass. ARGS: -persona 28.5.2, -suite api|cli|both, -package volume, -test NAME.
conformance: deps
	go run ./test/conformance -suite both $(ARGS)

# What other people's clients print beside the real daemons and beside the decoy, in the
# same run; the table tells how much of it is alike.
clients: deps
	go test -count=1 -timeout 60m -v ./test/clients -args -real

# Generated calls, on the real daemons and the decoy at once; the seed is printed.
CALLS ?= 300
generate: deps
	go test -count=1 -timeout 60m -v ./test/fidelity -run TestGenerated -args -calls $(CALLS)

bench:
	scripts/bench.sh

# What takes longer than a sitting: fuzzing and kill rounds, added up in
# docs/verification.md with commit and seed. SOAK is how long each fuzz target runs.
SOAK ?= 10m
soak:
	scripts/soak.sh $(SOAK)

clean:
	rm -rf bin
