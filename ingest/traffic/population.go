package traffic

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// client is one user of the API: a key with the addresses it is used from.
type client struct {
	key       string // empty for requests without a key
	ips       []string
	userAgent string
	partition uint64 // hash of the key, or of the address without a key
}

// population is the API's users. Volume falls with rank as 1/rank^1.1.
type population struct {
	keyed   []client
	keyless []client
	byRank  alias
	byIP    alias // over keyless
}

const (
	populationKeys    = 2000
	populationKeyless = 800
	natAddresses      = 40
)

// userAgents are the programs that call the API, the frequent ones first.
var userAgents = [...]string{
	"okhttp/4.12.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"python-requests/2.32.3",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
	"Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)",
	"axios/1.7.2",
	"Go-http-client/2.0",
	"MediaCentre/21.0 (X11; Linux x86_64)",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
	"node-fetch/1.0",
	"Java/17.0.11",
	"curl/8.5.0",
}

// robots are one in eight of the clients without a key.
var robots = [...]string{
	"Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
	"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
	"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
	"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
	"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
}

func newPopulation(seed uint64) *population {
	r := stream(seed, "population", 0)
	nats := make([]string, natAddresses)
	for i := range nats {
		nats[i] = natIP(i)
	}
	p := &population{
		keyed:   make([]client, populationKeys),
		keyless: make([]client, populationKeyless),
		byRank:  newAlias(zipf(populationKeys, 1.1)),
		byIP:    newAlias(zipf(populationKeyless, 0.9)),
	}
	for i := range p.keyed {
		c := client{key: newKey(r), userAgent: pickUserAgent(r)}
		n := 1 + r.IntN(2)
		switch u := r.Float64(); {
		case u < 0.30:
			c.ips, n = append(c.ips, nats[r.IntN(natAddresses)]), n-1
		case u < 0.31:
			n = 20 + r.IntN(20) // roaming
		}
		for range n {
			c.ips = append(c.ips, newIP(r))
		}
		c.partition = hashString(c.key)
		p.keyed[i] = c
	}
	for i := range p.keyless {
		c := client{ips: []string{newIP(r)}, userAgent: pickUserAgent(r)}
		if i%8 == 3 {
			c.userAgent = robots[i/8%len(robots)]
		}
		if r.IntN(5) == 0 {
			c.ips[0] = nats[r.IntN(natAddresses)]
		}
		c.partition = hashString(c.ips[0])
		p.keyless[i] = c
	}
	return p
}

// newKey is an API key as the API issues them: 32 hexadecimal characters.
func newKey(r *rand.Rand) string {
	raw := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), r.Uint64())
	return hex.EncodeToString(binary.LittleEndian.AppendUint64(raw, r.Uint64()))
}

// newIP is an address from the ranges reserved for benchmarks (RFC 2544) and documentation
// (RFC 3849): nobody's real address.
func newIP(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return fmt.Sprintf("2001:db8:%x:%x::%x", 1+r.IntN(0xfffe), 1+r.IntN(0xfffe), 1+r.IntN(0xfffe))
	}
	return fmt.Sprintf("198.%d.%d.%d", 18+r.IntN(2), r.IntN(256), 1+r.IntN(254))
}

func pickUserAgent(r *rand.Rand) string {
	u := r.Float64()
	return userAgents[int(u*u*float64(len(userAgents)))]
}

func hashString(s string) uint64 { return mix(fnv1a(s)) }
