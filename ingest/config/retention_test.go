package config

import (
	"strings"
	"testing"
)

// Promise: how long rows are kept is told in whole days, 0 forever; what is not said
// changes nothing, and hours do not go before minutes.
func TestRetention(t *testing.T) {
	c, err := reading(t, "retention-minutes: 90d\nretention-samples: 0\n",
		map[string][]string{"retention-minutes": {"48h"}})
	if err != nil {
		t.Fatal(err)
	}
	change := c.Retention.Change()
	if change.MinuteDays == nil || *change.MinuteDays != 2 || change.SampleDays == nil || *change.SampleDays != 0 ||
		change.HourDays != nil {
		t.Errorf("got %+v; want two days, forever, and no change of hours", change)
	}
	for text, want := range map[string]string{
		"retention-minutes: 36h":                            "want whole days",
		"retention-minutes: 40000d":                         "want whole days",
		"retention-minutes: 90d\nretention-hours: 30d":      "retention-hours: got 30d; want at least retention-minutes (90d)",
		"retention-minutes: 0\nretention-hours: 30d":        "retention-minutes (0)",
		"retention-samples: forever\nretention-hours: 400d": "want whole days",
	} {
		if _, err := reading(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want %q", text, err, want)
		}
	}
}
