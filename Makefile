# statline: make help lists what there is.
SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.52.0
TAGS := bites,browser,chaos,kafka,native,rollback,systemd,terminal,zookeeper
# a count of executions: a duration can end in "context deadline exceeded" without a finding (go.dev/issue/75804, mended in Go 1.27)
FUZZTIME ?= 5000x
BENCHTIME ?= 0.5s
BENCHCOUNT ?= 5
ARGS ?=
# what is built to be used is optimized by cmd/statline/default.pgo, what is built to
# be tested is not: that would compile every package once more
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -pgo=off)

.DEFAULT_GOAL := help
include ingest/sandbox/engine/engine.mk
include dashboards/console/vendor.mk
include classify/agent/list.mk

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: build
build: engine ## the binary, bin/statline
	CGO_ENABLED=0 $(GO) build -pgo=auto -trimpath -ldflags '$(LDFLAGS)' -o bin/statline ./cmd/statline

.PHONY: demo
demo: ## generated traffic through the embedded broker and engine; ARGS="--for 20s --seed 7 --json"
	@$(MAKE) --no-print-directory build >&2 # what a demo prints is its own
	@./bin/statline demo $(ARGS)

# Everything is compiled once, as the binary that cmd/e2e runs: without cgo. That
# package takes longest and begins first. What go vet would say, make lint says.
TEST := CGO_ENABLED=0 $(GO) test -vet=off -p 4 -parallel 4 -ldflags '-s -w' -timeout 20m

.PHONY: test
test: engine ## every test but the long ones
	$(TEST) -skip '^TestLong' ./cmd/e2e ./...

.PHONY: test-long
test-long: engine ## the tests that are named TestLong: servers that hang, reload under load, files killed and read again (1 min)
	$(TEST) -run '^TestLong' -count=1 $$(git grep -l '^func TestLong' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')

# Packages that start no goroutine, and cmd, whose tests run the real binary: the
# race detector would only make them slow (a law in cmd/e2e keeps this true).
CALM := ./classify/... ./cmd/... ./dashboards ./dashboards/grafana/... ./dashboards/prometheus/... ./dashboards/query/... ./dashboards/report/... ./ingest/config/... ./ingest/decode/... ./ingest/mend/... ./ingest/traffic/... ./ingest/watch/...

.PHONY: test-race
test-race: engine cc ## the packages that have goroutines again, under the race detector (needs a C compiler)
	$(GO) test -race -vet=off -timeout 20m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(CALM))")

.PHONY: test-bites
test-bites: engine ## the searches for keys and secrets, in a build that hides none: they find them
	CGO_ENABLED=0 $(GO) test -tags bites -run TestSearchBites -count=1 -timeout 10m ./cmd/e2e

.PHONY: test-systemd
test-systemd: ## deploy/systemd/statline.service as systemd itself reads it (Debian: apt-get install systemd)
	@command -v systemd-analyze >/dev/null || { echo "make test-systemd: needs systemd-analyze (Debian: apt-get install systemd)"; exit 1; }
	CGO_ENABLED=0 $(GO) test -tags systemd -run 'TestSystemdUnit' -count=1 ./cmd/e2e

.PHONY: test-terminal
test-terminal: engine ## every command of README and --help, and what goes wrong, in terminals of 80 and 140 columns (Debian: apt-get install tmux; 5 min)
	@command -v tmux >/dev/null || { echo "make test-terminal: needs tmux (Debian: apt-get install tmux)"; exit 1; }
	CGO_ENABLED=0 $(GO) test -tags terminal -run 'TestTerminal' -count=1 -timeout 20m ./cmd/e2e

.PHONY: test-browser
test-browser: engine ## the console in Chromium (Debian: apt-get install chromium)
	@command -v chromium >/dev/null || { echo "make test-browser: needs chromium (Debian: apt-get install chromium)"; exit 1; }
	@[ -f dashboards/console/node_modules/axe-core/axe.min.js ] || (cd dashboards/console && npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error)
	CGO_ENABLED=0 $(GO) test -tags browser -run 'TestBrowser' -count=1 -timeout 10m -v ./cmd/e2e

.PHONY: console-times
console-times: engine ## every page of the console over thirty days of 100 services, and twenty tabs (Chromium; an idle machine; 2 min)
	CGO_ENABLED=0 $(GO) test -tags browser -run 'TestBrowserOverAMonth' -count=1 -timeout 10m -v ./cmd/e2e -args -full-month

.PHONY: console-pictures
console-pictures: engine ## dashboards/docs/console/*.webp: every page of the console at three widths (Chromium)
	CGO_ENABLED=0 $(GO) test -tags browser -run 'TestBrowserOnAKeptStore/pictures' -count=1 -timeout 10m ./cmd/e2e -args -pictures $(CURDIR)/dashboards/docs/console

.PHONY: test-kafka
test-kafka: engine ## the tests against Apache Kafka (Java 17; Maven once, for its jars)
	$(GO) test -tags kafka -run 'TestKafka' -timeout 15m ./ingest ./ingest/source/...

.PHONY: test-collector
test-collector: engine ## the OpenTelemetry Collector's own kafkaexporter into the sandbox's broker, run, and every total
	cd cmd/e2e/otlpcollector && $(GO) vet ./... && STATLINE_ENGINE="$${STATLINE_ENGINE:-$(CURDIR)/$(ENGINE_LIBRARY)}" $(GO) test -count=1 -timeout 15m ./...

.PHONY: test-kafka-run
test-kafka-run: engine ## three instances of run on Apache Kafka: one killed, one added, one stopped for a minute; a transaction that is never ended (4 min)
	$(GO) test -tags kafka -run 'TestKafkaInstances|TestKafkaHangingTransaction' -count=1 -timeout 15m -v ./cmd/e2e

.PHONY: test-rollback
test-rollback: engine ## an older binary, built from its commit, in one group with this one, which is killed in mid-block (2 min)
	$(GO) test -tags rollback -run 'TestRollback' -count=1 -timeout 15m -v ./cmd/e2e

.PHONY: test-zookeeper
test-zookeeper: engine ## a cluster's tables on the embedded engine beside Apache ZooKeeper (Java 17; Maven once, for its jars)
	$(GO) test -tags zookeeper -run 'TestZookeeper' -count=1 -timeout 5m ./ingest/store/zookeepertest

.PHONY: test-native
test-native: engine ## the tests of the store and what stands on it over the native protocol; the old server and client of Debian (apt-get install clickhouse-server clickhouse-client)
	@command -v clickhouse-server clickhouse-client >/dev/null || { echo "make test-native: needs clickhouse-server and clickhouse-client (Debian: apt-get install clickhouse-server clickhouse-client)"; exit 1; }
	$(GO) test -race -tags native -run 'TestNative' -count=1 -timeout 5m ./ingest/store ./ingest/sandbox
	STATLINE_TEST_PROTOCOL=native $(GO) test -count=1 -timeout 15m ./ingest ./ingest/mend ./ingest/schema ./ingest/store ./ingest/watch

.PHONY: test-kill
test-kill: engine ## kill -9 of a process at every named step of the protocol, and between two inserts into a table, on the embedded broker and engine
	$(GO) test -tags chaos -run 'TestKillAtEveryStep|TestKillBetweenInserts' -count=1 -timeout 10m -v ./ingest ./ingest/mend

.PHONY: cc
cc:
	@command -v $${CC:-cc} >/dev/null || { echo "make test-race: the race detector needs a C compiler and none was found: install gcc or clang (or set CC)"; exit 1; }

.PHONY: lint
lint: ## gofmt, go.mod of every module, go vet, staticcheck, deadcode
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	@for m in $$(git ls-files '*go.mod'); do (cd $$(dirname $$m) && $(GO) list -test -deps ./... >/dev/null) || { echo "make lint: $$m is behind this module's dependencies: cd $$(dirname $$m) && go mod tidy"; exit 1; }; done
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@dead=$$($(GO) run $(DEADCODE) -test -tags $(TAGS) ./...); [ -z "$$dead" ] || { echo "$$dead"; exit 1; }

.PHONY: evaluate
evaluate: engine ## the detectors on labelled traffic: cmd/evaluate/REPORT.md; fails when a target is missed (some minutes)
	$(GO) run ./cmd/evaluate -o cmd/evaluate/REPORT.md $(ARGS)

.PHONY: generate
generate: ## everything that is generated and committed
	$(GO) generate ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME executions (5000x)
	@set -e; git grep -o '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' | sed -E 's|^(.*)/[^/]*:func |./\1 |' | while read -r pkg f; do \
	  echo "$$pkg $$f"; CGO_ENABLED=0 $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg </dev/null; done

# What is compared with: the version of 2026-11-29.
EARLIER := c08d34d

.PHONY: bench
bench: build ## every stage against its target, ClickHouse, GoAccess, JSON libraries and an earlier version: cmd/bench/RESULTS.md and SCALE.md (half an hour; ARGS="--only=hot,formats,growth", or "--gb=0.1 --backlogs=1 --hours=1 --crowd=1 --minutes=1" for a short one, which writes no file; --against=BINARY compares another one)
	$(GO) build -pgo=cmd/statline/default.pgo -o bin/bench ./cmd/bench
	@set -e; against=; if git cat-file -e '$(EARLIER)^{commit}' 2>/dev/null; then dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	  git archive $(EARLIER) | tar x -C "$$dir"; (cd "$$dir" && CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -o '$(CURDIR)/bin/earlier' ./cmd/statline); \
	  against=--against=bin/earlier; fi; \
	./bin/bench --statline=bin/statline $$against $(or $(ARGS),--out=cmd/bench/RESULTS.md --scale=cmd/bench/SCALE.md)

# For combined logs the profile saves a sixth of the CPU, for JSON a twentieth. It
# names places, so that it fits a changed program less and less.
.PHONY: pgo
pgo: engine ## the profile that the compiler optimizes the hot path by, anew (2 min); to be committed
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e; \
	for of in decode:Formats\|Combined\|Statline:0.15s fold:Fold:8s source:Fetch\|Decode:1s store:Encode:1s; do IFS=: read -r pkg bench time <<<"$$of"; \
	  CGO_ENABLED=0 $(GO) test -trimpath -run '^$$' -bench "$$bench" -benchtime $$time -cpuprofile $$dir/$$pkg.pprof -o $$dir/$$pkg.test ./ingest/$$pkg; done; \
	$(GO) tool pprof -proto $$dir/*.pprof >cmd/statline/default.pgo

.PHONY: bench-stages
bench-stages: engine ## go test -bench of every stage, in benchstat's format; compare with cmd/bench/baseline.txt
	@$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./classify/... ./ingest/decode ./ingest/fold ./ingest/source ./ingest/traffic

.PHONY: clean
clean: ## what was built; the engine stays
	rm -rf bin

N ?= 25
SEED ?= 1
BROKER ?= embedded
FAULTS ?=

.PHONY: chaos
chaos: engine ## N=300 SEED=1 BROKER=embedded|kafka FAULTS="of CH,pause": N seeded faults on real processes, then every count against the truth (BROKER=kafka: Java 17; Maven once, for its jars)
	CGO_ENABLED=0 $(GO) build -tags chaos -trimpath -ldflags '$(LDFLAGS)' -o bin/statline-chaos ./cmd/statline
	$(GO) run ./cmd/chaos -binary bin/statline-chaos -n $(N) -seed $(SEED) -broker $(BROKER) -faults "$(FAULTS)" $(ARGS)

NODE := dashboards/grafanatest/node

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	@command -v npm >/dev/null || { echo "make dashboards-check: needs npm (it comes with Node.js)"; exit 1; }
	cd $(NODE) && npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error && touch node_modules/.package-lock.json

.PHONY: dashboards-check
dashboards-check: engine $(NODE)/node_modules/.package-lock.json ## every dashboard and alert query through Grafana's own backend, on the embedded engine; options, units and names against Grafana's own library
	cd dashboards/grafanatest && $(GO) vet ./... && $(GO) test -count=1 -timeout 10m ./...

.PHONY: chart-test
chart-test: build ## the Helm chart rendered by Helm's own packages and decoded strictly into the types of Kubernetes and the operators; the daemon takes what it sets
	cd deploy/helm/charttest && $(GO) vet . && $(GO) test -vet=off -count=1 -timeout 10m .

.PHONY: compose-test
compose-test: engine ## docker-compose.yml run without containers: Kafka, ClickHouse's ports and rights, statline by the Dockerfile's lines, the panels; planted faults (Linux, Java 17, Maven once, wget and nc; root or user namespaces)
	@for t in java mvn wget nc; do command -v $$t >/dev/null || { echo "make compose-test: needs $$t (Debian: apt-get install openjdk-17-jre-headless maven wget netcat-openbsd)"; exit 1; }; done
	cd dashboards/grafanatest && $(GO) vet -tags compose ./stack && STATLINE_ENGINE="$${STATLINE_ENGINE:-$(CURDIR)/$(ENGINE_LIBRARY)}" $(GO) test -tags compose -count=1 -timeout 20m ./stack

.PHONY: panel-times
panel-times: engine ## dashboards/docs/times.md: every panel over thirty days, at most 300 ms each (an idle machine; some minutes)
	cd dashboards/grafanatest && STATLINE_PANEL_LIMIT=300ms STATLINE_PANEL_TIMES=$(CURDIR)/dashboards/docs/times.md $(GO) test -count=1 -timeout 30m -run TestPanelsOverThirtyDays -v .

.PHONY: pictures
pictures: engine $(NODE)/node_modules/.package-lock.json ## dashboards/docs/*.png from generated traffic (Chromium; some minutes)
	@command -v chromium >/dev/null || { echo "make pictures: needs chromium (Debian: apt-get install chromium)"; exit 1; }
	cd dashboards/grafanatest && $(GO) test -tags pictures -count=1 -run TestDrawPictures -v .
