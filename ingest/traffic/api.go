package traffic

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// envelope is how a service writes the API's status into its log line.
type envelope uint8

const (
	plain       envelope = iota // "code":7,"message":"..."
	catalogue                   // "status_code":7,"status_message":"..."
	messageOnly                 // "message":"...", no code
	body                        // "message":"{\"status_code\":7,...}", a JSON body in a string
)

// service is one service of the example API.
type service struct {
	name     string
	share    float64 // of the traffic
	envelope envelope
	// template says that the log line has the route's template beside the path.
	template bool
	// latency is the median in milliseconds, size the median response.
	latency, size float64
	keyless       float64 // share of requests without a key
	routes        []string
	failures      string // "code:share ...", added to everywhere
}

// everywhere are the failures of every service.
const everywhere = "24:0.00008 9:0.00002 11:0.00004 15:0.00002 2:0.0001 4:0.0002 19:0.0002 34:0.001"

// services is the example API, a database of films. A route is "METHOD template weight
// [codes]": the code of a success, then code:share of failures.
func services() []service {
	return []service{
		{name: "auth", share: 3, latency: 45, size: 320, template: true,
			failures: "33:0.02 14:0.004 17:0.003 16:0.002 32:0.002",
			routes: []string{
				"GET /3/authentication 4", "GET /3/authentication/guest_session/new 2",
				"GET /3/authentication/token/new 6",
				"POST /3/authentication/token/validate_with_login 5 0 30:0.06 26:0.01",
				"POST /3/authentication/session/new 4 0", "POST /3/authentication/session/convert/4 1 0",
				"DELETE /3/authentication/session 1 13 29:0.01",
			}},
		{name: "search", share: 18, latency: 85, size: 9800, envelope: messageOnly,
			failures: "22:0.004 5:0.004 23:0.001 20:0.001",
			routes: []string{
				"GET /3/search/movie 30", "GET /3/search/tv 14", "GET /3/search/person 8",
				"GET /3/search/multi 22", "GET /3/search/keyword 3", "GET /3/search/company 2",
				"GET /3/search/collection 2", "GET /3/discover/movie 12", "GET /3/discover/tv 6",
				"GET /3/find/{number} 4 0 6:0.03",
			}},
		{name: "movies", share: 24, latency: 32, size: 6200, template: true,
			failures: "6:0.012 27:0.001 22:0.001",
			routes: []string{
				"GET /3/movie/{number} 40", "GET /3/movie/{number}/credits 12", "GET /3/movie/{number}/images 6",
				"GET /3/movie/{number}/videos 7", "GET /3/movie/{number}/similar 4",
				"GET /3/movie/{number}/recommendations 5", "GET /3/movie/{number}/reviews 3",
				"GET /3/movie/{number}/release_dates 2", "GET /3/movie/{number}/watch/providers 4",
				"GET /3/movie/{number}/external_ids 2", "GET /3/movie/popular 6", "GET /3/movie/top_rated 3",
				"GET /3/movie/upcoming 2", "GET /3/movie/now_playing 3 0 28:0.002",
				"POST /3/movie/{number}/rating 1 12 18:0.02", "DELETE /3/movie/{number}/rating 0.3 13 21:0.02",
			}},
		{name: "tv", share: 16, latency: 38, size: 7400, template: true,
			failures: "6:0.012 27:0.001 28:0.001",
			routes: []string{
				"GET /3/tv/{number} 30", "GET /3/tv/{number}/season/{small} 16",
				"GET /3/tv/{number}/season/{small}/episode/{small} 20", "GET /3/tv/{number}/credits 7",
				"GET /3/tv/{number}/images 3", "GET /3/tv/{number}/recommendations 3", "GET /3/tv/popular 4",
				"GET /3/tv/airing_today 3", "GET /3/tv/on_the_air 3",
				"POST /3/tv/{number}/rating 1 12 18:0.02", "GET /3/tv/{number}/watch/providers 3",
			}},
		{name: "people", share: 8, latency: 28, size: 4100, envelope: body,
			failures: "6:0.01 5:0.002",
			routes: []string{
				"GET /3/person/{number} 20", "GET /3/person/{number}/movie_credits 9",
				"GET /3/person/{number}/tv_credits 5", "GET /3/person/{number}/combined_credits 8",
				"GET /3/person/{number}/images 4", "GET /3/person/popular 5",
			}},
		{name: "images", share: 22, latency: 9, size: 38000, template: true, keyless: 0.6,
			failures: "6:0.004",
			routes: []string{
				"GET /t/p/w500/{file} 40", "GET /t/p/w185/{file} 22", "GET /t/p/original/{file} 6",
				"GET /t/p/w92/{file} 9", "GET /3/configuration 4", "GET /3/configuration/languages 1",
			}},
		{name: "account", share: 5, latency: 52, size: 2100, template: true,
			failures: "3:0.004 17:0.004 33:0.006 32:0.001",
			routes: []string{
				"GET /3/account/{number} 10", "GET /3/account/{number}/favorite/movies 5",
				"GET /3/account/{number}/rated/movies 3", "GET /3/account/{number}/watchlist/movies 6",
				"POST /3/account/{number}/favorite 4 12 18:0.02 8:0.03",
				"POST /3/account/{number}/watchlist 4 12 18:0.02 8:0.03",
			}},
		{name: "lists", share: 4, latency: 41, size: 3300, envelope: catalogue,
			failures: "3:0.003 6:0.01",
			routes: []string{
				"GET /3/list/{number} 12", "GET /3/list/{number}/item_status 4", "POST /3/list 1 1 18:0.03",
				"POST /3/list/{number}/add_item 4 12 8:0.05", "POST /3/list/{number}/remove_item 2 13 21:0.04",
				"POST /3/list/{number}/clear 0.3 12 29:0.1", "DELETE /3/list/{number} 0.4 13 29:0.05",
			}},
	}
}

// route is one route, parsed and ready to be written.
type route struct {
	service  int
	method   string
	template string // with a name for each placeholder
	parts    []part
	post     bool
	ok       uint16 // code of a success
	failures alias
	codes    []uint16 // what failures picks: a code, 0 for success, or one of the gateway's own
	head     []byte   // `,"service":"movies","method":"GET"`
	tail     []byte   // `,"route":"/3/movie/{movie_id}"`, or empty
}

// part is a literal piece of a path, then an id.
type part struct {
	literal string
	id      idKind
}

type idKind uint8

const (
	noID idKind = iota
	numberID
	smallID
	fileID
)

// Responses without an API code, made by the gateway or by HTTP itself. The numbers are
// internal to this package, above the API's codes.
const (
	gateway504 uint16 = 100 + iota
	gateway502
	gateway499
	notModified
)

// parseRoute reads "METHOD template weight [code of success] [code:share ...]".
func parseRoute(text string, serviceIndex int, s *service) (r route, weight float64) {
	f := strings.Fields(text)
	r = route{service: serviceIndex, method: f[0], post: f[0] != "GET", template: f[1]}
	weight, _ = strconv.ParseFloat(f[2], 64)
	failures := everywhere + " " + s.failures
	if len(f) > 3 {
		code, _ := strconv.ParseUint(f[3], 10, 16)
		r.ok = uint16(code)
		failures += " " + strings.Join(f[4:], " ")
	}
	for rest := r.template; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		p := part{literal: literal}
		if rest = ""; found {
			var name string
			name, rest, _ = strings.Cut(after, "}")
			p.id = map[string]idKind{"number": numberID, "small": smallID, "file": fileID}[name]
		}
		r.parts = append(r.parts, p)
	}
	r.template = nameIDs(r.template, s.name)
	r.codes = []uint16{0, gateway504, gateway502, gateway499}
	weights := []float64{0, 0.00001, 0.00002, 0.0004}
	if s.name == "images" {
		r.codes, weights = append(r.codes, notModified), append(weights, 0.09)
	}
	for _, pair := range strings.Fields(failures) {
		number, share, _ := strings.Cut(pair, ":")
		code, _ := strconv.ParseUint(number, 10, 16)
		p, _ := strconv.ParseFloat(share, 64)
		r.codes, weights = append(r.codes, uint16(code)), append(weights, p)
	}
	weights[0] = 1
	for _, w := range weights[1:] {
		weights[0] -= w
	}
	r.failures = newAlias(weights)
	r.head = []byte(`,"service":"` + s.name + `","method":"` + r.method + `"`)
	if s.template {
		r.tail = []byte(`,"route":"` + r.template + `"`)
	}
	return r, weight
}

// nameIDs gives the placeholders the names that the services' frameworks use.
func nameIDs(template, service string) string {
	main := map[string]string{"movies": "movie_id", "tv": "series_id", "people": "person_id",
		"account": "account_id", "lists": "list_id", "search": "external_id"}[service]
	return strings.NewReplacer("{number}", "{"+main+"}", "season/{small}", "season/{season_number}",
		"episode/{small}", "episode/{episode_number}").Replace(template)
}

const fileAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// appendPath writes a path of the route, its ids drawn from r.
func (t *route) appendPath(b []byte, r *rand.Rand) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		b = append(b, p.literal...)
		switch p.id {
		case numberID: // the square makes low ids, the popular ones, more frequent
			u := r.Float64()
			b = strconv.AppendUint(b, 2+uint64(u*u*900_000), 10)
		case smallID:
			b = strconv.AppendUint(b, 1+r.Uint64N(24), 10)
		case fileID:
			for range 27 {
				b = append(b, fileAlphabet[r.Uint64N(uint64(len(fileAlphabet)))])
			}
			b = append(b, ".jpg"...)
		}
	}
	return b
}
