package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// Promise: a message says what is the matter once, without what the reader cannot use,
// and what to do next; a report tells nothing of lines that its span and filter cannot
// have chosen.
func TestMessagesSayWhatToDo(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	lines := fileLine("movies", 1, 200) + fileLine("tv", 2, 504) + "no line of a log\n"
	must(t, "analyze", "--data", store, write(t, "some.log", []byte(lines)))
	nothing := filepath.Join(t.TempDir(), "nothing")
	for _, c := range []struct {
		args      []string
		want, not string // of standard output and error
		status    int
	}{
		{[]string{"analyze", "missing.log"}, "missing.log: no such file", "nothing", 1},
		{[]string{"analyze", "/proc/self/mem"}, "analyze /proc/self/mem: read /proc/self/mem: input/output error",
			"read /proc/self/mem: read", 1},
		{[]string{"report", "--data", nothing}, "it holds no store; statline analyze --data " + nothing +
			" FILE makes one", "stat ", 1},
		{[]string{"report", "--data", store, "--from", "2025-01-01", "--to", "2025-01-02"},
			"no responses; stored is 2026-03-01 12:00 to 2026-03-01 12:01 UTC", "1 lines rejected", 0},
		{[]string{"report", "--data", store},
			"1 lines could not be read: 1 syntax; of all that is stored, whatever the span", "", 0},
		{[]string{"report", "--data", store, "--service", "tv"}, "1 responses, 1 failed", "could not be read", 0},
		{[]string{"incidents", "show", "nothing", "--data", store}, "no such incident; statline incidents lists them",
			"", 1},
		{[]string{"incidents", "mute", "nothing", "--data", store}, "no such incident; statline incidents lists them",
			"", 1},
		{[]string{"incidents", "--data", store, "--since", "yesterday"},
			`statline: --since: got "yesterday"; want a time such as`, "invalid argument", 2},
		{[]string{"keys", "show"}, "keys show: got no argument; want ID|NAME see: statline keys show --help", "arg(s)", 2},
		{[]string{"report", "yesterday"}, `report: got "yesterday"; want no argument see: statline report --help`, "", 2},
		{[]string{"sql", "--data", store, "DROP TABLE responses"}, "want one that reads", "profile", 1},
		{[]string{"check", "--brokers", "127.0.0.1:1", "--topic", "access", "--clickhouse", "http://127.0.0.1:1"},
			"is a broker running there, and does --brokers name its port?", "", 1},
	} {
		r := run(t, nil, c.args...)
		said := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
		if exitStatus(r.err) != c.status || !strings.Contains(said, c.want) || c.not != "" &&
			strings.Contains(said, c.not) {
			t.Errorf("%v: got status %d, %s; want %d, %q and not %q", c.args, exitStatus(r.err), said, c.status, c.want,
				c.not)
		}
	}
}

// Promise: a store in which nothing is stored says so, and no time of the year 1.
func TestMessagesOfAnEmptyStore(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	must(t, "analyze", "--data", store, write(t, "empty.log", nil))
	for _, command := range []string{"report", "incidents", "samples"} {
		said := must(t, command, "--data", store).stdout
		if !strings.Contains(said, "nothing is stored yet: statline run stores") || strings.Contains(said, "0001") {
			t.Errorf("%s: got %s", command, said)
		}
	}
}

// Promise: a note without words ends with its author.
func TestMessageOfAMute(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	said := decodeJSON[report](t, must(t, "analyze", "--json", "--data", store, write(t, "keys.log", refusedLines())).
		stdout)
	if len(said.Incidents) == 0 {
		t.Fatal("no incident is found in lines of refused keys")
	}
	id := said.Incidents[0].ID
	must(t, "incidents", "mute", id, "--data", store, "--by", "ann")
	if shown := must(t, "incidents", "show", id, "--data", store).stdout; !strings.Contains(shown, " by ann\n") {
		t.Errorf("got %s", shown)
	}
}
