# Installs the embedded ClickHouse engine (libchdb) beside this file, where the
# sandbox looks for it. Nothing to do when it is there, or when STATLINE_ENGINE
# names one that is.
#
# Linux on x86-64, where statline is tested, installs what the lock file names,
# checked against its hash. The other platforms' packages are pinned by version
# and checked against the registry's hash only.

ENGINE_DIR     := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
ENGINE_VERSION := $(shell sed -n 's/.*"@chdb\/lib-linux-x64-gnu": "\(.*\)".*/\1/p' $(ENGINE_DIR)/package.json)
ENGINE_PLATFORM := $(subst linux-aarch64,linux-arm64-gnu,$(subst linux-x86_64,linux-x64-gnu,$(subst darwin-x86_64,darwin-x64,$(shell uname -sm | tr 'A-Z ' 'a-z-'))))
ENGINE_PACKAGE := @chdb/lib-$(ENGINE_PLATFORM)
ENGINE_LIBRARY := $(ENGINE_DIR)/node_modules/$(ENGINE_PACKAGE)/libchdb.so

ENGINE_NPM     := npm --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error

ifeq ($(ENGINE_PLATFORM),linux-x64-gnu)
ENGINE_INSTALL := $(ENGINE_NPM) ci
else
ENGINE_INSTALL := mkdir -p node_modules/$(ENGINE_PACKAGE) && cd node_modules/$(ENGINE_PACKAGE) && \
	tar -xzf "$$($(ENGINE_NPM) pack --silent $(ENGINE_PACKAGE)@$(ENGINE_VERSION))" --strip-components=1 && rm -f ./*.tgz
endif

.PHONY: engine
ifneq ($(and $(STATLINE_ENGINE),$(wildcard $(STATLINE_ENGINE))),)
engine:
else
engine: $(ENGINE_LIBRARY)
endif

$(ENGINE_LIBRARY): $(ENGINE_DIR)/package-lock.json
	@command -v npm >/dev/null || { echo "make engine: needs npm (it comes with Node.js)" >&2; exit 1; }
	@echo "installing the embedded ClickHouse engine, $(ENGINE_PACKAGE) $(ENGINE_VERSION) (about 560 MB on disk)"
	@cd $(ENGINE_DIR) && $(ENGINE_INSTALL)
	@test -f $@ || { echo "make engine: the package $(ENGINE_PACKAGE) has no $(notdir $@) for this platform" >&2; exit 1; }
	@touch $@
