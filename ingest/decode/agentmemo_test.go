package decode

import (
	"fmt"
	"testing"

	"statline/classify"
	"statline/classify/agent"
)

// agentsSeen keeps what user agents name, not asking for Detail.
type agentsSeen struct{ all []string }

func (s *agentsSeen) Response(r *classify.Response) {
	s.all = append(s.all, agent.ClassOf(r.Agent).String()+" "+agent.Name(r.Agent))
}

func (s *agentsSeen) Reject(Reject) { s.all = append(s.all, "reject") }

// Promise: in every format that tells a user agent it is told what that names; the
// examples that have one have curl's.
func TestAgentOfFormats(t *testing.T) {
	told := 0
	for _, f := range Formats() {
		if f.mapped() || f.messages() {
			continue
		}
		g := one(t, Config{}, f.Example)
		if g.Agent == "" {
			continue
		}
		told++
		var s agentsSeen
		newTest(t, Config{}).Decode([]byte(f.Example), &s)
		var want agentsSeen
		want.Response(&classify.Response{Agent: agent.New().Of([]byte(g.Agent))})
		if len(s.all) != 1 || s.all[0] != want.all[0] {
			t.Errorf("%s: %q is told as %q; want %q", f.Name, g.Agent, s.all, want.all)
		}
	}
	if told < 10 {
		t.Errorf("%d formats tell a user agent; want most", told)
	}
}

// Promise: who rotates user agents fills no memory and changes nobody's name: what
// is remembered is bounded, and only orders the work.
func TestAgentMemoIsBounded(t *testing.T) {
	d := newTest(t, Config{})
	line := func(agent string) []byte {
		return fmt.Appendf(nil, `{"ts":"2026-03-01T12:00:00Z","service":"s","status":200,"user_agent":"%s"}`, agent)
	}
	var sink nothing
	for i := range 3000 { // each of the 512 places is used
		d.Decode(line(fmt.Sprintf("okhttp/4.%d (%d)", i%50, i)), &sink)
	}
	i := 0
	if n := testing.AllocsPerRun(2000, func() {
		i++
		d.agentOf(line(fmt.Sprint(i % 1000))[40:]) // fmt's own are two or three
	}); n > 4 {
		t.Errorf("%v allocations for a user agent that is new; want none but the test's own", n)
	}
	known := line("okhttp/4.12.0")
	d.Decode(known, &sink)
	if n := testing.AllocsPerRun(100, func() { d.Decode(known, &sink) }); n > 0 {
		t.Errorf("%v allocations for a user agent that is known; want none", n)
	}
	for i := range 1000 {
		var s agentsSeen
		d.Decode(line(fmt.Sprintf("okhttp/4.%d", i%20)), &s)
		if want := fmt.Sprintf("sdk okhttp/4.%d", i%20); s.all[0] != want {
			t.Fatalf("got %q; want %q", s.all[0], want)
		}
	}
}
