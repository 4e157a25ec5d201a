package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is a kind of fault.
type kind string

// The faults.
const (
	kill      kind = "kill -9"
	killAll   kind = "kill -9 of all instances"
	crash     kind = "kill -9 at"          // target: a step of package block
	pause     kind = "pause past session"  // SIGSTOP, SIGCONT: the process comes back as a zombie
	late      kind = "late insert into"    // target: a table; the insert arrives after the next owner's
	grow      kind = "add an instance"     //
	shrink    kind = "remove an instance"  // SIGTERM
	refuse    kind = "ClickHouse refuses"  //
	hang      kind = "ClickHouse hangs"    //
	broken    kind = "ClickHouse 5xx"      //
	slow      kind = "ClickHouse slow"     //
	cut       kind = "cut after commit of" // target: a table
	broker    kind = "kill -9 of broker"   // of one, where there are several
	brokers   kind = "kill -9 of all brokers"
	engine    kind = "kill -9 of CH"        //
	both      kind = "kill -9 of broker+CH" //
	poison    kind = "poison records"       //
	oversize  kind = "oversize records"     //
	away      kind = "ClickHouse away, nothing arrives"
	configure kind = "another configuration"
	extend    kind = "partition added"
	commits   kind = "hanging transaction, commit"
	aborts    kind = "hanging transaction, abort"
	unstamped kind = "records without a stamp"
	recreate  kind = "topic recreated" // target: when
	restore   kind = "older store restored"
	expire    kind = "retention before" // target: resume, or a step; records expire that nobody has read
)

// steps are the states at which a process is killed. The first start of a partition
// (anchor) occurs once in every run; gap comes with expire.
var steps = []string{"resume", "recover", "fill", "declare", "declared", "insert", "inserted", "stored", "commit",
	"committed"}

// cutTables are the tables whose inserts lose their answer, in the order in
// which a block writes them.
var cutTables = append(rollups(), "samples", "key_names", "rejected_lines", "ledger")

// expiries are the steps at which a partition notices that records have expired: when it
// resumes, and when it reads on, alive or killed.
var expiries = []string{"resume", "fill", "gap"}

// recreations are when a topic is recreated.
var recreations = []string{"at rest", "in a block"}

// deck is what rounds are dealt from: frequent faults are in it more than once.
var deck = []kind{kill, crash, cut, pause, broker, late, crash, cut, hang, engine, grow, shrink, broken, kill, refuse,
	expire, slow, crash, cut, poison, both, oversize, killAll, configure, commits, extend, recreate, away, restore,
	unstamped}

// apacheOnly are the faults that need several brokers, and one that the embedded broker gets
// wrong: an answer cut at its largest size lacks the list of aborted transactions.
var apacheOnly = []kind{broker, brokers, aborts}

// deckOn is the deck for a broker of that name.
func deckOn(name string) []kind {
	if name == apacheName {
		return slices.Concat(deck, apacheOnly)
	}
	return deck
}

// fault is one round.
type fault struct {
	kind   kind
	target string
	victim int           // which instance, modulo how many there are
	nth    int           // at which time a step is reached
	delay  time.Duration // from the round's begin
	span   time.Duration // how long it lasts
	status int           // of a 5xx
	// also: another instance is killed while the fault lasts. settle: the next round waits
	// until every partition moves again.
	also, settle bool
}

// name is the fault's row in the table.
func (f fault) name() string {
	if f.target == "" {
		return string(f.kind)
	}
	return string(f.kind) + " " + f.target
}

func (f fault) String() string {
	s := fmt.Sprintf("%-34s victim %d, after %v, for %v", f.name(), f.victim, f.delay, f.span)
	if f.also {
		s += ", and a kill -9 meanwhile"
	}
	if f.settle {
		s += ", then calm"
	}
	return s
}

// session is the group's session timeout, and heartbeat the time between two
// heartbeats: short, so that a takeover takes seconds.
const (
	session   = 4 * time.Second
	heartbeat = time.Second
)

// newPlan deals n faults from a deck; it is a function of its arguments.
func newPlan(seed uint64, n int, deck []kind) []fault {
	r := rand.New(rand.NewPCG(seed, 0x63_68_61_6f_73))
	deal := func(cards []string) func() string {
		var left []string
		return func() string {
			if len(left) == 0 {
				left = append(left, cards...)
				r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
			}
			card := left[0]
			left = left[1:]
			return card
		}
	}
	kinds := make([]string, len(deck))
	for i, k := range deck {
		kinds[i] = string(k)
	}
	nextKind := deal(kinds)
	next := map[kind]func() string{
		crash: deal(steps), cut: deal(cutTables), late: deal(cutTables), expire: deal(expiries),
		recreate: deal(recreations),
	}
	between := func(from, to time.Duration) time.Duration {
		return (from + time.Duration(r.Int64N(int64(to-from)))).Round(time.Millisecond)
	}
	plan := make([]fault, n)
	for i := range plan {
		f := &plan[i]
		f.kind = kind(nextKind())
		f.victim, f.nth, f.delay = r.IntN(12), 1+r.IntN(6), between(0, 1500*time.Millisecond)
		f.span = between(500*time.Millisecond, 4*time.Second)
		f.status = []int{500, 502, 503, 504}[r.IntN(4)]
		f.also, f.settle = r.IntN(4) == 0, r.IntN(2) == 0
		if target := next[f.kind]; target != nil {
			f.target = target()
		}
		switch {
		case f.kind == crash && f.target == "recover":
			f.nth = 1
		case f.kind == pause:
			f.span = session + between(500*time.Millisecond, 3*time.Second)
		}
	}
	return plan
}

// pickPlan deals n faults from a deck of all kinds, of which it takes those
// whose name contains one of picks, such as "of CH".
func pickPlan(seed uint64, n int, deck []kind, picks []string) ([]fault, error) {
	dealt := newPlan(seed, 100*max(n, 10), deck)
	for _, pick := range picks {
		if !slices.ContainsFunc(dealt, func(f fault) bool { return strings.Contains(f.name(), pick) }) {
			return nil, fmt.Errorf("faults: got %q; want a part of %q", pick, names(deck))
		}
	}
	plan := slices.DeleteFunc(dealt, func(f fault) bool {
		return !slices.ContainsFunc(picks, func(pick string) bool { return strings.Contains(f.name(), pick) })
	})
	return plan[:min(n, len(plan))], nil
}

// names are the kinds of a deck, each once.
func names(deck []kind) []kind {
	return slices.Compact(slices.Sorted(slices.Values(deck)))
}
