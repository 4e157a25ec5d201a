package fold

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/decode"
)

// written is a Config as the store keeps it under its hash, so that a block can be
// folded again as it was declared. It holds no secret, only the secret's id.
type written struct {
	Decoder   int                `json:"decoder"` // versions of the binary that wrote it
	Rows      int                `json:"rows"`
	Format    string             `json:"format"`
	Service   string             `json:"service"`
	SecretID  string             `json:"secret_id"`
	Zone      string             `json:"zone"`
	Routes    []decode.RouteRule `json:"routes"`
	RouteFrom string             `json:"route_from"`
	KeyNames  []string           `json:"key_names"`
	Mapping   *decode.Mapping    `json:"mapping"`
	Columns   string             `json:"w3c_fields,omitempty"`

	KeepAddress *decode.AddressBits `json:"keep_address,omitempty"`
	ShortAgents bool                `json:"short_agents,omitempty"`

	MaxAge    string           `json:"max_age"`
	MaxAhead  string           `json:"max_ahead"`
	AnyTime   bool             `json:"any_time"`
	Slot      int              `json:"slot_seconds"`
	Budget    aggregate.Budget `json:"budget"`
	SetSize   int              `json:"set_size"`
	Samples   int              `json:"sample_slots"`
	Catalogue string           `json:"catalogue"` // as classify.ParseCatalogue reads it
}

// Written is the configuration for the store, in canonical form.
func (c Config) Written() ([]byte, error) {
	catalogue, err := c.Catalogue.YAML()
	if err != nil {
		return nil, err
	}
	zone := time.UTC
	if c.Decode.Location != nil {
		zone = c.Decode.Location
	}
	body, err := json.Marshal(written{
		Decoder: decode.Version, Rows: aggregate.Version,
		Format: c.Decode.Format, Service: c.Decode.Service,
		SecretID: decode.SecretID(c.Decode.Secret), Zone: zone.String(),
		Routes: c.Decode.Routes, RouteFrom: c.Decode.RouteFrom, KeyNames: c.Decode.KeyNames, Mapping: c.Decode.Mapping,
		Columns:     c.Decode.Columns,
		KeepAddress: c.Decode.KeepAddress, ShortAgents: c.Decode.ShortAgents,
		MaxAge: c.MaxAge.String(), MaxAhead: c.MaxAhead.String(), AnyTime: c.AnyTime,
		Slot: c.Aggregate.SlotSeconds, Budget: c.Aggregate.Budget, SetSize: c.Aggregate.SetSize,
		Samples:   c.Aggregate.SampleSlots,
		Catalogue: string(catalogue),
	})
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return body, nil
}

// maxWritten bounds what Under reads: a catalogue and some rules.
const maxWritten = 8 << 20

// Under is the configuration that Written made body of, with c's own secret, memory,
// and RecordLimit, under which the records are read. Its Hash tells whether this
// binary folds under it as the writing binary did.
func (c Config) Under(body []byte) (Config, error) {
	if len(body) > maxWritten {
		return Config{}, fmt.Errorf("read a stored configuration: got %d bytes; want at most %d", len(body), maxWritten)
	}
	var w written
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields() // a newer binary's: it would be left out of the hash
	if err := d.Decode(&w); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	if w.SecretID != decode.SecretID(c.Decode.Secret) {
		return Config{}, errors.New("read a stored configuration: it is of another HMAC secret")
	}
	var err error
	if c.Decode.Location, err = time.LoadLocation(w.Zone); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	if c.MaxAge, err = time.ParseDuration(w.MaxAge); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	if c.MaxAhead, err = time.ParseDuration(w.MaxAhead); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	if c.Catalogue, err = classify.ParseCatalogue([]byte(w.Catalogue)); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	c.AnyTime = w.AnyTime
	c.Decode.Format, c.Decode.Service, c.Decode.RouteFrom = w.Format, w.Service, w.RouteFrom
	c.Decode.Routes, c.Decode.KeyNames, c.Decode.Mapping = w.Routes, w.KeyNames, w.Mapping
	c.Decode.Columns = w.Columns
	c.Decode.KeepAddress, c.Decode.ShortAgents = w.KeepAddress, w.ShortAgents
	c.Aggregate.SlotSeconds, c.Aggregate.Budget = w.Slot, w.Budget
	c.Aggregate.SetSize, c.Aggregate.SampleSlots = w.SetSize, w.Samples
	if _, err := decode.New(c.Decode); err != nil {
		return Config{}, fmt.Errorf("read a stored configuration: %w", err)
	}
	return c, nil
}
