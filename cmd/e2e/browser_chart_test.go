//go:build browser

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// drawsWhatIsAlone: a minute with nothing before and after it is drawn as wide as it
// lasts, and named; and no label of an axis is cut.
func (k kept) drawsWhatIsAlone(t *testing.T) {
	k.full()
	// The first minute in which an upstream failed, at the end of five.
	found := k.sql("SELECT service, toUnixTimestamp(min(minute)) FROM responses WHERE blame = 'upstream' AND outcome IN ('timeout', 'offline', 'internal_error', 'server_error') GROUP BY service ORDER BY service LIMIT 1")
	service, text, _ := strings.Cut(found, "\t")
	minute, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatalf("no upstream of the demo failed: %q", found)
	}
	k.open(fmt.Sprintf("/services/%s?from=%d&to=%d", service, minute-240, minute+60))
	const panel = `[...document.querySelectorAll(".panel")].find((p) => p.innerText.startsWith("Failures by whose side"))`
	k.until("the panel is drawn", panel+`?.querySelector("canvas")`)
	k.until("its series is named", panel+`.querySelector(".legend button")`)
	// pixels are those of a copy: reading the picture itself would slow it down.
	const pixels = `const pixels = (c) => { const o = document.createElement("canvas"); o.width = c.width; o.height = c.height;
		const g = o.getContext("2d", { willReadFrequently: true }); g.drawImage(c, 0, 0); return g.getImageData(0, 0, c.width, c.height).data; };`
	// The colour of the upstream's failures, over at least the width of a point.
	const wide = `(() => { ` + pixels + ` const c = ` + panel + `.querySelector("canvas"), of = new Set(), d = pixels(c);
		for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && d[i] > 150 && d[i + 1] < 120 && d[i + 2] < 90) of.add((i / 4) % c.width);
		return of.size; })()`
	if got := eval[int](k.browser, wide); got < 3 {
		t.Errorf("the only minute with failures of %s is %d pixels wide; want at least 3", service, got)
	}
	// Ink in the first column of pixels of an axis is a label that is cut.
	const cut = `(() => { ` + pixels + ` return [...document.querySelectorAll(".panel canvas")].filter((c) => { const d = pixels(c);
		for (let y = 0; y < c.height; y++) if (d[4 * y * c.width + 3] > 40) return true; return false; }).map((c) => c.closest(".panel").querySelector("h2").innerText).join(", "); })()`
	if got := eval[string](k.browser, cut); got != "" {
		t.Errorf("labels of these panels are cut: %s", got)
	}
}
