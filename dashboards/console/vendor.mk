# Vendors the console's libraries from npm into assets/vendor: the versions of
# package.json, checked against the hashes of the lock file. Users build nothing;
# this runs when a version is raised.

CONSOLE_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

.PHONY: console-vendor
console-vendor: ## the console's libraries from npm, by their hashes, into dashboards/console/assets/vendor
	@command -v npm >/dev/null || { echo "make console-vendor: needs npm (it comes with Node.js)" >&2; exit 1; }
	cd $(CONSOLE_DIR) && npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
	cd $(CONSOLE_DIR) && rm -rf assets/vendor && mkdir -p assets/vendor && \
	  sed '/^\/\/# sourceMappingURL/d' node_modules/preact/dist/preact.mjs > assets/vendor/preact.js && \
	  sed -e '/^\/\/# sourceMappingURL/d' -e 's#from"preact"#from"./preact.js"#' node_modules/preact/hooks/dist/hooks.mjs > assets/vendor/hooks.js && \
	  cp node_modules/htm/dist/htm.module.js assets/vendor/htm.js && \
	  cp node_modules/uplot/dist/uPlot.iife.min.js assets/vendor/uplot.js && \
	  cp node_modules/uplot/dist/uPlot.min.css assets/vendor/uplot.css && \
	  for name in preact htm uplot; do printf '%s %s\n\n' "$$name" "$$(node -p "require('./node_modules/$$name/package.json').version")"; cat node_modules/$$name/LICENSE; printf '\n'; done > assets/vendor/LICENSES.txt
	cd $(CONSOLE_DIR)/assets/vendor && sha256sum *.js *.css *.txt > SHA256SUMS
