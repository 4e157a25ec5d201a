package config

import (
	"fmt"
	"os"
	"time"

	"statline/classify"
	"statline/ingest/decode"
	"statline/ingest/fold"
)

// Lines says how log lines are read and classified.
type Lines struct {
	Format, Service, Zone string
	CatalogueFile         string
	RouteFrom             string
	KeyNames              []string
	Routes                []decode.RouteRule
	Mapping               decode.Mapping // the zero value for none
	Preset                string         // the name of a mapping of ours in its place
	Columns               string         // of W3C lines without a #Fields line
	Topics                []TopicLines   // of single topics

	KeepAddress *decode.AddressBits // of clients' addresses; nil for all of it
	ShortAgents bool                // product and version of user agents alone
}

func defaultLines() Lines { return Lines{Format: decode.Auto, Zone: "UTC", RouteFrom: "auto"} }

func linesOptions(c *Config) []Option {
	return []Option{
		{Name: "format", Set: SetLines, Type: "name", Reload: true, Help: "log format; run statline formats for the list",
			value: text{&c.Lines.Format}},
		{Name: "default-service", Was: "service", Set: SetLines, Type: "name", Reload: true,
			Help:  "service of lines that do not name one",
			value: text{&c.Lines.Service}},
		{Name: "zone", Set: SetLines, Reload: true, Help: "time zone of timestamps that do not name one, such as Europe/Berlin",
			value: zone{&c.Lines.Zone}},
		{Name: "catalogue", Set: SetCatalogue, Type: "file", Reload: true,
			Help:  "YAML file of your API's status codes, or none to go by HTTP status alone (default: the built-in codes)",
			value: text{&c.Lines.CatalogueFile}},
		{Name: "route-from", Set: SetLines, Reload: true,
			Help:  "where routes come from; auto: the endpoint that the record names, else its path; path: always the path; gateway: the names of the gateway's routing rules too",
			value: routeFrom(&c.Lines.RouteFrom)},
		{Name: "key-names", Set: SetLines, Type: "names", Reload: true,
			Help:  "more headers and query parameters that carry an API key, beside the well-known ones",
			value: list{&c.Lines.KeyNames}},
		{Name: "w3c-fields", Set: SetLines, Type: "names", Reload: true,
			Help:  "columns of W3C extended log lines (IIS) that come without a #Fields line, as from Kafka, written as that line would be (default: IIS's and CloudFront's own)",
			value: text{&c.Lines.Columns}},
		{Name: "anonymize-ip", Set: SetLines, Reload: true,
			Help:  "shorten client addresses to this many leading bits (IPv4,IPv6), such as /24,/48, before they are counted or stored (default: whole addresses)",
			value: addressBits{&c.Lines.KeepAddress}},
		{Name: "short-agents", Set: SetLines, Reload: true,
			Help:  "keep only the product and version of each user agent",
			value: flag{&c.Lines.ShortAgents}},
		{Name: "routes", Set: SetLines, Reload: true,
			Help:    "your own rules for route templates; the first match wins",
			section: &c.Lines.Routes,
			sample:  []decode.RouteRule{{Pattern: "/3/movie/{id}/**", Route: "/3/movie/{id}"}}},
		{Name: "mapping", Set: SetLines, Reload: true,
			Help:    `where format json finds its fields, as dotted paths (\. is a dot in a name), or the name of a built-in mapping; run statline formats for the list`,
			value:   text{&c.Lines.Preset},
			section: &c.Lines.Mapping,
			sample: decode.Mapping{Time: "when", Service: "app", Method: "http.method", Path: "http.path",
				Route:  "http.route",
				Status: "http.status", Code: "api.code", Message: "api.message", ErrorType: "api.error", Body: "body",
				Key: "headers.x-api-key", KeyID: "consumer.id",
				KeyName: "consumer.name", ClientIP: "client.ip", Latency: "took", LatencyUnit: "ms",
				UpstreamLatency: "backend.took",
				UpstreamStatus:  "backend.status", Bytes: "http.bytes", RequestID: "request_id",
				UserAgent: "http.user_agent"}},
		topicsOption(c),
	}
}

func routeFrom(to *string) choice { return choice{to, []string{"auto", "path", "gateway"}} }

// checkLines reads what can only be judged together. It needs no secret.
func checkLines(c *Config) error {
	if err := c.Lines.checkTopics(); err != nil {
		return err
	}
	if c.Lines.Format == defaultLines().Format && len(c.Lines.Routes) == 0 && c.Lines.Mapping == (decode.Mapping{}) &&
		c.Lines.Preset == "" && c.Lines.Columns == "" {
		return nil
	}
	cfg, err := c.Lines.Decode(nil)
	if err != nil {
		return err
	}
	_, err = decode.New(cfg)
	return err
}

// Decode is the decoders' configuration.
func (l *Lines) Decode(secret []byte) (decode.Config, error) {
	location, err := time.LoadLocation(l.Zone)
	if err != nil {
		return decode.Config{}, fmt.Errorf("zone: got %q; want UTC, Local or a name such as Europe/Berlin: %w", l.Zone,
			err)
	}
	cfg := decode.Config{Format: l.Format, Service: l.Service, Location: location, Secret: secret,
		RouteFrom: l.RouteFrom,
		KeyNames:  l.KeyNames, Routes: l.Routes, Columns: l.Columns, KeepAddress: l.KeepAddress,
		ShortAgents: l.ShortAgents}
	if l.Preset != "" {
		mapping, err := decode.FindPreset(l.Preset)
		if err != nil {
			return decode.Config{}, err
		}
		cfg.Mapping = &mapping
	} else if l.Mapping != (decode.Mapping{}) {
		mapping := l.Mapping
		cfg.Mapping = &mapping
	}
	return cfg, nil
}

// NoCatalogue, in place of a file, switches codes off.
const NoCatalogue = "none"

// Catalogue reads the file of status codes; without one it is the built-in
// catalogue.
func (l *Lines) Catalogue() (*classify.Catalogue, error) {
	switch l.CatalogueFile {
	case "":
		return classify.Builtin(), nil
	case NoCatalogue:
		return classify.None(), nil
	}
	b, err := os.ReadFile(l.CatalogueFile)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	c, err := classify.ParseCatalogue(b)
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", l.CatalogueFile, err)
	}
	return c, nil
}

// Fold is what a block's contents depend on besides its records; its hash is
// the config_hash.
func (c *Config) Fold(secret []byte) (fold.Config, error) {
	cfg := fold.DefaultConfig()
	cfg.RecordLimit = c.Kafka.RecordLimit
	var err error
	if cfg.Catalogue, err = c.Lines.Catalogue(); err != nil {
		return cfg, err
	}
	cfg.Decode, err = c.Lines.Decode(secret)
	return cfg, err
}
