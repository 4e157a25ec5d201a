package traffic

import "fmt"

// forever is the end of events that do not end, in minutes.
const forever = 366 * 24 * 60

// plant sets up what the scenario plants.
func (g *Generator) plant() {
	s := &script{g: g}
	switch g.cfg.Scenario {
	case Offender:
		s.retryLoop(1, 45)
		s.floodingKey(6, 14)
		s.overuser(2)
		s.batchJob(4)
		s.nearLimit()
	case Suspended:
		s.suspendedCron(1)
		s.disabledThenReinstated(2, 12)
		s.suspendedFleet(5)
		s.wrongKey(2, 40)
		s.keyScanner(5, 11)
	case TimeoutSpike:
		s.spike("tv", 4, 12)
		s.outage("search", 16, 20)
		if g.cfg.Retries {
			s.retryStorm("search", 16, 20)
			s.firstTries("tv", 4, 12)
		}
		s.retryBlip("movies", 2)
		s.deployShift("people", 9)
	case Mixed:
		s.retryLoop(1, 45)
		s.nearLimit()
		s.suspendedCron(1)
		s.wrongKey(2, 40)
		s.spike("tv", 4, 12)
		s.keyScanner(5, 11)
		s.brokenContract(6, 21)
		s.stuffing(8, 13)
		s.deployShift("people", 9)
		s.newCode(10, 30)
		s.outage("lists", 14, 18)
		s.mixedGoesOn()
	}
}

// mixedGoesOn repeats the events that end, with other services and keys, every
// two hours for a week.
func (s *script) mixedGoesOn() {
	services := []string{"search", "account", "movies", "people", "lists", "images", "auth", "tv"}
	for cycle := 1; cycle < 7*12; cycle++ {
		at := float64(cycle) * 120
		s.retryLoop(at+1, at+45)
		s.spike(services[cycle%8], at+4, at+12)
		s.keyScanner(at+5, at+11)
		s.stuffing(at+8, at+13)
		s.outage(services[(cycle+3)%8], at+14, at+18)
	}
}

// retryLoop is a client that retries every refusal, for twenty seconds of every thirty.
func (s *script) retryLoop(from, to float64) {
	s.limited("offender", s.newClient("python-requests/2.32.3", 2), from, to, 5, 6.7,
		"retry loop: 100 requests in 10 s, two windows of three",
		func(w int64) uint64 {
			if w%3 == 2 {
				return 0
			}
			return 100
		})
}

// floodingKey sends ten times the limit.
func (s *script) floodingKey(from, to float64) {
	s.limited("flood", s.newClient("Go-http-client/2.0", 1), from, to, 4, 40,
		"flood: 400 requests in every 10 s", func(int64) uint64 { return 400 })
}

// overuser is always a tenth over the limit.
func (s *script) overuser(from float64) {
	s.limited("offender", s.newClient("axios/1.7.2", 1), from, forever, 15, 4.4,
		"44 requests in every 10 s, all day", func(int64) uint64 { return 44 })
}

// batchJob is at the limit for six minutes.
func (s *script) batchJob(from float64) {
	s.limited("throttled", s.newClient("Java/17.0.11", 1), from, from+6, 4, 4.3,
		"batch job with back-off: at the limit for 6 minutes",
		func(w int64) uint64 { return 42 + uint64(w%3) })
}

// nearLimit exceeds the limit in one window of eight: no incident.
func (s *script) nearLimit() {
	s.limited("", s.newClient("okhttp/4.12.0", 2), 0.5, forever, 0, 3.8, "",
		func(w int64) uint64 {
			if w%8 == 5 {
				return 42
			}
			return 38
		})
}

// suspendedCron is a job that goes on after its key was suspended.
func (s *script) suspendedCron(from float64) {
	c := s.newClient("curl/8.5.0", 1)
	second := false
	s.add(s.planted("dead_key", "key", c.key, from, forever, 3, "suspended key, a job every minute, one retry"),
		c, 2.0/60, func(g *Generator, _ *plant, e *event) int64 {
			g.requestTo(e, "movies")
			g.answer(e, 10)
			if second = !second; second {
				return 3000 + g.rand.Int64N(400)
			}
			return 60_000 - (e.at-g.start)%60_000 + 1000 + g.rand.Int64N(500)
		})
}

// disabledThenReinstated is a person who retries until the account works again.
func (s *script) disabledThenReinstated(from, reinstated float64) {
	c := s.newClient(userAgents[1], 1)
	tries := 0
	s.add(s.planted("dead_key", "key", c.key, from, reinstated, 6,
		"disabled account, four tries every two minutes, then reinstated"),
		c, 4.0/120, func(g *Generator, _ *plant, e *event) int64 {
			g.requestTo(e, "account")
			g.answer(e, 31)
			if tries++; tries%4 != 0 {
				return 2000 + g.rand.Int64N(2000)
			}
			return 100_000 + g.rand.Int64N(20_000)
		})
	s.keyUser("", c, reinstated+1, forever, 0, 0, 0.1, "")
}

// suspendedFleet is a suspended key built into devices.
func (s *script) suspendedFleet(from float64) {
	s.keyUser("dead_key", s.newClient("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)", 20),
		from, forever, 3, 10, 0.5, "suspended key in twenty devices")
}

// wrongKey is a deployment with a key that was never valid.
func (s *script) wrongKey(from, to float64) {
	s.keyUser("invalid_key", s.newClient("node-fetch/1.0", 1), from, to, 8, 7, 0.05,
		"misconfigured client, three requests a minute")
}

// keyScanner tries another key with every request.
func (s *script) keyScanner(from, to float64) {
	c := s.newClient("Go-http-client/2.0", 1)
	s.add(s.planted("key_scanning", "client", c.ips[0], from, to, 3, "two random keys a second"), c, 2,
		func(g *Generator, p *plant, e *event) int64 {
			p.client.key = newKey(g.rand)
			p.client.partition = hashString(p.client.key)
			g.requestTo(e, "movies")
			g.answer(e, 7)
			return g.pause(2)
		})
}

// stuffing tries leaked passwords through an application's own key.
func (s *script) stuffing(from, to float64) {
	c := s.newClient(userAgents[1], 1)
	s.add(s.planted("credential_stuffing", "client", c.ips[0], from, to, 3, "one login a second, 2 % succeed"), c, 1,
		func(g *Generator, _ *plant, e *event) int64 {
			e.service = g.serviceIndex("auth")
			e.route = g.routeFor(30)
			code := uint16(30)
			if g.rand.IntN(50) == 0 {
				code = 0
			}
			g.answer(e, code)
			return g.pause(1)
		})
}

func (s *script) spike(service string, from, to float64) {
	s.serviceEvent(s.planted("timeout_spike", "service", service, from, to, 3, "30 % of the requests time out"),
		24, 0.3, 1, 0.8)
}

func (s *script) outage(service string, from, to float64) {
	s.serviceEvent(s.planted("outage", "service", service, from, to, 3,
		"90 % answer that the service is offline, traffic falls to 40 %"),
		9, 0.9, 0.4, 0.8)
}

// retryBlip is four timeouts of one client within seconds: no incident.
func (s *script) retryBlip(service string, from float64) {
	c := s.newClient("okhttp/4.12.0", 1)
	s.add(s.planted("", "service", service, from, from+0.1, 0, ""), c, 0,
		func(g *Generator, _ *plant, e *event) int64 {
			g.requestTo(e, service)
			g.answer(e, 24)
			return 1600
		})
}

// deployShift is a release after which a service times out three times as often, though
// still hardly ever, and refuses more requests.
func (s *script) deployShift(service string, from float64) {
	s.nuisance(service, from, 24, 0.00016, 1)
	s.nuisance(service, from, 5, 0.01, 1)
}

// brokenContract is a release that answers code 6 with HTTP 200.
func (s *script) brokenContract(from, to float64) {
	s.contract("contract_drift", "movies", 6, 200, notFound, statuses[6].message, from, to,
		"code 6 comes with HTTP 200 instead of 404")
}

// newCode is a release with a code that the catalogue does not have. Its HTTP status
// decides such a response.
func (s *script) newCode(from, to float64) {
	s.contract("unknown_code", "account", 60, 422, invalidRequest, "This request needs a verified device.", from, to,
		"code 60 is not in the catalogue")
}

func (s *script) contract(kind, service string, code uint16, http int16, o outcome, message string, from, to float64,
	note string) {
	const perSecond = 0.3
	entity := fmt.Sprintf("%s/%d/%d", service, code, http)
	s.add(s.planted(kind, "contract", entity, from, to, 6, note), client{}, perSecond,
		func(g *Generator, _ *plant, e *event) int64 {
			e.client = &g.people.keyed[g.rand.IntN(len(g.people.keyed))]
			g.requestTo(e, service)
			g.answer(e, 6)
			e.code, e.status, e.upstreamStatus, e.outcome, e.message = code, http, http, o, message
			return g.pause(perSecond)
		})
}

// retryStorm is three clients that try each call four times while a service is offline, and
// declare which try it is.
func (s *script) retryStorm(service string, from, to float64) {
	for range 3 {
		c, try := s.newClient("okhttp/4.12.0", 1), 0
		s.add(s.planted("", "service", service, from, to, 0, ""), c, 8, func(g *Generator, _ *plant, e *event) int64 {
			g.requestTo(e, service)
			g.answer(e, 9)
			e.attempt = 1 + try%4
			try++
			return g.pause(8)
		})
	}
}

// firstTries is a busy client that retries nothing, and declares it.
func (s *script) firstTries(service string, from, to float64) {
	c := s.newClient("axios/1.7.2", 1)
	s.add(s.planted("", "service", service, from, to, 0, ""), c, 10, func(g *Generator, _ *plant, e *event) int64 {
		g.requestTo(e, service)
		g.answer(e, 0)
		e.attempt = 1
		return g.pause(10)
	})
}
