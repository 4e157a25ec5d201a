package agent

import (
	"strings"
	"testing"

	"statline/classify"
)

// known are headers as programs write them, and what is told of them.
var known = []struct {
	header string
	class  Class
	name   string
}{
	{"okhttp/4.12.0", SDK, "okhttp/4.12"},
	{"python-requests/2.31.0", SDK, "python-requests/2.31"},
	{"Python/3.11 aiohttp/3.9.1", SDK, "aiohttp/3.9"},
	{"Go-http-client/2.0", SDK, "Go-http-client/2.0"},
	{"OpenAI/Python 1.40.0", SDK, "OpenAI/Python/1.40"},
	{"AsyncAnthropic/Python 0.39.0", SDK, "Anthropic/Python/0.39"},
	{"Faraday v2.7.4", SDK, "Faraday/2.7"},
	{"Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#6.1 lang/python#3.11", SDK, "Boto3/1.34"},
	{"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22", SDK, "aws-sdk-go-v2/1.30"},
	{"Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)", SDK, "Dalvik/2.1"},
	{"Films/3.1 CFNetwork/1410.0.3 Darwin/22.6.0", SDK, "CFNetwork/1410.0"},
	{"Java/17.0.11", SDK, "Java/17.0"},
	{"axios/1.7.2", SDK, "axios/1.7"},
	{"node", SDK, "node"},
	{"curl/8.5.0", CommandLine, "curl/8.5"},
	{"Wget/1.21.4", CommandLine, "Wget/1.21"},
	{"PostmanRuntime/7.36.1", CommandLine, "PostmanRuntime/7.36"},
	{"aws-cli/2.15.0 md/awscrt#0.19 ua/2.0", CommandLine, "aws-cli/2.15"},

	{"Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", AI, "GPTBot"},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", AI, "ClaudeBot"},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot", AI, "ChatGPT-User"},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)", AI, "Perplexity-User"},
	{"Mozilla/5.0 (compatible; Google-Agent; +https://developers.google.com)", AI, "Google-Agent"},
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Crawler, "Googlebot"},
	{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36", Crawler, "bingbot"},
	{"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Monitor, "UptimeRobot"},
	{"kube-probe/1.29", Monitor, "kube-probe"},
	{"Mozilla/5.0 zgrab/0.x", Scanner, "zgrab"},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.0.0 Safari/537.36", Automation, "HeadlessChrome"},

	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", Browser, "Chrome/126"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", Browser, "Edge/126"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0", Browser, "Firefox/127"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", Browser, "Safari/17"},
	{"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)", Browser, "Internet Explorer/8"},

	// Nobody's, or not told: no name.
	{"MediaCentre/21.0 (X11; Linux x86_64)", Unknown, ""},
	{"acme-checkout/3.2.1", Unknown, ""},
	{"Mozilla/5.0", Unknown, ""},
	{"Mozilla/5.0 (compatible; NobodysBot/1.0; +https://example.com/bot) Chrome/126.0.0.0 Safari/537.36", Unknown, ""},
	{"libokhttp/4.12.0", Unknown, ""},
	{"okhttpfork/4.12.0", Unknown, ""},
	{"JavaFX/17", Unknown, ""},
	{"Chrome/126.0.0.0", Unknown, ""},
	{"\xff\xfe\x00", Unknown, ""},
	// A number that is a date or a build is no version: it would make a name each.
	{"okhttp/20260401", SDK, "okhttp"},
	{"okhttp/4.20260401", SDK, "okhttp/4"},
	{"curl/4111-1111-1111-1111", CommandLine, "curl/4111"},
}

func TestOf(t *testing.T) {
	m := New()
	for _, k := range known {
		a := m.Of([]byte(k.header))
		if ClassOf(a) != k.class || Name(a) != k.name {
			t.Errorf("%s: got %s %q; want %s %q", k.header, ClassOf(a), Name(a), k.class, k.name)
		}
	}
	if a := m.Of(nil); a != (classify.Agent{}) {
		t.Errorf("an empty header is told as %v", a)
	}
}

// Nothing that a stranger wrote comes through but two numbers: what is told of any
// header is a name of the lists.
func FuzzOf(f *testing.F) {
	for _, k := range known {
		f.Add([]byte(k.header))
	}
	m, names := New(), map[string]bool{"": true}
	for _, p := range products {
		names[p.name] = true
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		a := m.Of(header)
		if (a == classify.Agent{}) != (len(header) == 0) {
			t.Fatalf("%q: got %v", header, a)
		}
		name := Name(a)
		if a.Major > 0 {
			name = name[:strings.LastIndexByte(name, '/')]
		}
		if !names[name] || a.Major > mostVersion+1 || a.Minor > mostVersion+1 {
			t.Fatalf("%q: got %q", header, Name(a))
		}
		if a != m.Of(append([]byte{}, header...)) {
			t.Fatalf("%q is told otherwise the second time", header)
		}
	})
}

// The tables are as the code takes them to be.
func TestLists(t *testing.T) {
	if len(products) > 1<<16 {
		t.Fatalf("%d products; want at most %d", len(products), 1<<16)
	}
	for _, p := range products[firstOwn:] {
		if len(p.text) < 3 {
			t.Errorf("product %q has the text %q; want three bytes or more", p.name, p.text)
		}
	}
	for _, p := range products[1:] {
		if p.name == "" && p.class != Unknown || len(p.name) > 64 || strings.TrimSpace(p.name) != p.name {
			t.Errorf("product %q of class %s", p.name, p.class)
		}
	}
	seen := map[string]bool{}
	for c := range classes {
		seen[c.String()] = true
	}
	if len(seen) != int(classes) {
		t.Errorf("classes %v; want %d", seen, classes)
	}
}

func BenchmarkOf(b *testing.B) {
	m := New()
	for name, header := range map[string]string{
		"sdk": known[0].header, "ai": known[18].header, "browser": known[29].header, "unknown": known[34].header,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			text := []byte(header)
			for b.Loop() {
				m.Of(text)
			}
		})
	}
}
