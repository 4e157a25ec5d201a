# Makes crawlers.go of the list crawler-user-agents from npm: the version of
# package.json, checked against the hash of the lock file. Users build nothing;
# this runs when the version is raised, and then decode.Version is raised too.

AGENT_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

.PHONY: agents-list
agents-list: ## the list of crawlers and AI agents from npm, by its hash, into classify/agent/crawlers.go
	@command -v npm >/dev/null || { echo "make agents-list: needs npm (it comes with Node.js)" >&2; exit 1; }
	cd $(AGENT_DIR) && npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
	$(GO) run ./cmd/agentlist $(AGENT_DIR)/node_modules/crawler-user-agents $(AGENT_DIR)
