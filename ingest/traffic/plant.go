package traffic

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// plant is an actor that a scenario adds to the ordinary traffic. Its volume is in requests
// per second of event time, not a share of the rate, so that it shows within a few event
// minutes in any traffic.
type plant struct {
	planted Planted // Kind "" for what is no incident
	end     int64   // milliseconds
	next    int64
	rate    float64 // requests per second on average
	client  client
	// step fills e, whose time is known, and returns the pause until the next
	// request in milliseconds.
	step func(g *Generator, p *plant, e *event) int64
	slot int64  // the current window of the rate limit
	n    uint64 // requests in it so far
}

const never = math.MaxInt64

// schedule holds the active plants and effects, and those that wait for their start.
type schedule struct {
	plants, waitingPlants   []*plant
	effects, waitingEffects []*effectOnService
}

// begin sorts everything planted by its start.
func (s *schedule) begin(plants []*plant, effects []*effectOnService) {
	s.waitingPlants, s.waitingEffects = slices.Clone(plants), slices.Clone(effects)
	slices.SortStableFunc(s.waitingPlants, func(a, b *plant) int { return cmp.Compare(a.next, b.next) })
	slices.SortStableFunc(s.waitingEffects, func(a, b *effectOnService) int { return cmp.Compare(a.start, b.start) })
}

// advance activates what starts before a time and forgets what has ended.
func (s *schedule) advance(at int64) {
	for len(s.waitingPlants) > 0 && s.waitingPlants[0].next < at {
		s.plants, s.waitingPlants = append(s.plants, s.waitingPlants[0]), s.waitingPlants[1:]
	}
	for len(s.waitingEffects) > 0 && s.waitingEffects[0].start < at {
		s.effects, s.waitingEffects = append(s.effects, s.waitingEffects[0]), s.waitingEffects[1:]
	}
	s.plants = slices.DeleteFunc(s.plants, func(p *plant) bool { return p.next == never })
	s.effects = slices.DeleteFunc(s.effects, func(f *effectOnService) bool { return at >= f.end+60_000 })
}

// nextPlant returns the plant whose turn it is before the next background
// response, nil when it is the background's.
func (g *Generator) nextPlant() *plant {
	var first *plant
	for _, p := range g.active.plants {
		if p.next <= int64(g.clock) && (first == nil || p.next < first.next) {
			first = p
		}
	}
	return first
}

func (p *plant) fire(g *Generator, e *event) {
	e.at, e.client = p.next, &p.client
	p.planted.Records++
	p.next += max(p.step(g, p, e), 1)
	if p.next >= p.end {
		p.next = never
	}
}

// plantedRate is what the plants active at a time add, per second.
func (g *Generator) plantedRate(at int64) float64 {
	sum := 0.0
	for _, p := range g.active.plants {
		if p.next != never && at >= p.planted.Start.UnixMilli() && at < p.end {
			sum += p.rate
		}
	}
	return sum
}

// effectOnService changes the background of one service for a while.
type effectOnService struct {
	planted    Planted
	service    int
	start, end int64
	load       float64 // factor, 1 for none
	share      float64 // of the responses that become code
	code       uint16
}

// disturb applies the effects to a background response with a code; drop says that the
// response is left out.
func (g *Generator) disturb(e *event, code uint16) (changed uint16, drop bool) {
	for _, f := range g.active.effects {
		if f.service != e.service || e.at < f.start || e.at >= f.end {
			continue
		}
		if f.load < 1 && g.rand.Float64() >= f.load {
			return code, true
		}
		if f.share > 0 && g.rand.Float64() < f.share {
			code = f.code
			f.planted.Records++
		}
	}
	return code, false
}

// script builds a scenario's plants. Times are minutes after the start.
type script struct {
	g *Generator
	n int // plants so far, each with its own random stream
}

func (s *script) planted(kind, entityType, entity string, from, to, due float64, note string) Planted {
	at := func(minutes float64) time.Time {
		return time.UnixMilli(s.g.start + int64(minutes*60_000)).UTC()
	}
	return Planted{
		Kind: kind, EntityType: entityType, Entity: entity, Note: note,
		Start: at(from), End: at(to), Due: at(from + due),
	}
}

// newClient makes a client of its own with n addresses.
func (s *script) newClient(userAgent string, n int) client {
	s.n++
	r := stream(s.g.cfg.Seed, "plant", s.n)
	c := client{key: newKey(r), userAgent: userAgent}
	for range n {
		c.ips = append(c.ips, fmt.Sprintf("198.19.%d.%d", 200+r.IntN(56), 1+r.IntN(254)))
	}
	c.partition = hashString(c.key)
	return c
}

func (s *script) add(planted Planted, c client, rate float64, step func(*Generator, *plant, *event) int64) {
	s.g.plants = append(s.g.plants, &plant{
		planted: planted, next: planted.Start.UnixMilli(), end: planted.End.UnixMilli(),
		rate: rate, client: c, step: step, slot: -1,
	})
}

// serviceEvent plants a rise of code in a service: a share of its traffic, and perSecond
// more responses so that it shows in thin traffic too.
func (s *script) serviceEvent(p Planted, code uint16, share, load, perSecond float64) {
	f := &effectOnService{
		planted: p, service: s.g.serviceIndex(p.Entity), code: code, share: share, load: load,
		start: p.Start.UnixMilli(), end: p.End.UnixMilli(),
	}
	s.g.effects = append(s.g.effects, f)
	extra := p
	extra.Kind = ""
	s.add(extra, client{}, perSecond, func(g *Generator, _ *plant, e *event) int64 {
		f.planted.Records++
		e.client = &g.people.keyed[g.people.byRank.pick(g.rand.Uint64())]
		g.requestTo(e, p.Entity)
		g.answer(e, code)
		return g.pause(perSecond)
	})
}

// nuisance changes a service's background in a way that is no incident.
func (s *script) nuisance(service string, from float64, code uint16, share, load float64) {
	s.g.effects = append(s.g.effects, &effectOnService{
		service: s.g.serviceIndex(service), code: code, share: share, load: load,
		start: s.g.start + int64(from*60_000), end: never,
	})
}

// keyUser plants a key that sends requests at a steady pace and always gets code.
func (s *script) keyUser(kind string, c client, from, to, due float64, code uint16, perSecond float64, note string) {
	s.add(s.planted(kind, "key", c.key, from, to, due, note), c, perSecond,
		func(g *Generator, _ *plant, e *event) int64 {
			g.requestTo(e, "movies")
			g.answer(e, code)
			return g.pause(perSecond)
		})
}

// limited plants a key that sends perWindow requests in each ten-second window; those over
// the limit are refused.
func (s *script) limited(kind string, c client, from, to, due, rate float64, note string,
	perWindow func(window int64) uint64) {
	s.add(s.planted(kind, "key", c.key, from, to, due, note), c, rate,
		func(g *Generator, p *plant, e *event) int64 {
			if w := e.at / rateLimitWindow; w != p.slot {
				p.slot, p.n = w, 0
			}
			p.n++
			g.requestTo(e, "movies")
			if p.n > rateLimit {
				e.count = p.n
				g.answer(e, 25)
			} else {
				g.answer(e, 0)
			}
			for w := p.slot; ; w++ {
				if n := perWindow(w); n > 0 && (w > p.slot || p.n < n) {
					if w > p.slot {
						return w*rateLimitWindow + 300 - e.at
					}
					// The last tenth of the window stays free: a node's clock
					// must not move a request into the next one.
					return (rateLimitWindow*9/10 - e.at%rateLimitWindow) / int64(n-p.n+1)
				}
			}
		})
}

// pause draws the time to the next request of a steady client: regular, with a
// tenth of jitter.
func (g *Generator) pause(perSecond float64) int64 {
	return int64(1000 / perSecond * (0.9 + 0.2*g.rand.Float64()))
}

// requestTo makes e a request to one of a service's read routes.
func (g *Generator) requestTo(e *event, name string) {
	e.service = g.serviceIndex(name)
	for {
		e.route = &g.routes[g.routePick.pick(g.rand.Uint64())]
		if e.route.service == e.service && e.route.ok == 0 {
			return
		}
	}
}

func (g *Generator) serviceIndex(name string) int {
	for i := range g.services {
		if g.services[i].name == name {
			return i
		}
	}
	return -1
}
