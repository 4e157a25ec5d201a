package mend

import (
	"context"
	"net/netip"
	"regexp"
	"slices"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
)

// forgotten removes forgotten persons from contents that are read again, as Forget
// removed them from the store, so that nobody returns. It knows persons only by their
// marks.
type forgotten struct {
	secret  []byte
	marks   map[string]bool
	keys    map[classify.KeyID]bool // answers so far
	clients map[netip.Addr]bool
}

// markStore knows the marks of forgotten persons.
type markStore interface {
	Forgotten(ctx context.Context) ([]string, error)
}

func readForgotten(ctx context.Context, s markStore, secret []byte) (*forgotten, error) {
	f := &forgotten{secret: secret, marks: map[string]bool{}, keys: map[classify.KeyID]bool{},
		clients: map[netip.Addr]bool{}}
	marks, err := s.Forgotten(ctx)
	for _, m := range marks {
		f.marks[m] = true
	}
	return f, err
}

// keyMark and clientMark are what the ledger keeps of a forgotten person. Without the
// secret nobody can get from a mark to a key or an address, not even by trying all of
// them.
func keyMark(secret []byte, key classify.KeyID) string {
	return decode.KeyID(secret, "forgotten key "+key.String()).String()
}

func clientMark(secret []byte, client netip.Addr) string {
	return decode.KeyID(secret, "forgotten client "+client.Unmap().WithZone("").String()).String()
}

func (f *forgotten) key(id classify.KeyID) bool {
	is, asked := f.keys[id]
	if !asked {
		is = f.marks[keyMark(f.secret, id)]
		f.keys[id] = is
	}
	return is
}

func (f *forgotten) client(ip netip.Addr) bool {
	is, asked := f.clients[ip]
	if !asked {
		is = f.marks[clientMark(f.secret, ip)]
		f.clients[ip] = is
	}
	return is
}

func (f *forgotten) address(ip [16]byte) bool { return f.client(netip.AddrFrom16(ip)) }

// without returns c without forgotten persons. Its counts stay: their rows go to those
// that are not told apart. c itself may be changed.
func (f *forgotten) without(c *block.Contents) *block.Contents {
	if len(f.marks) == 0 {
		return c
	}
	r := &c.Rows
	for _, rows := range [][]aggregate.ResponseRow{r.Responses, r.ResponsesHour} {
		for i := range rows {
			rows[i].Route, rows[i].ErrorType = f.text(rows[i].Route), f.text(rows[i].ErrorType)
		}
	}
	r.Keys, r.KeysHour = changed(r.Keys, f.keyRow), changed(r.KeysHour, f.keyRow)
	r.Clients = changed(r.Clients, f.clientRow)
	r.Samples = slices.DeleteFunc(r.Samples, func(s aggregate.SampleRow) bool {
		return f.key(s.Key) || f.address(s.ClientIP) || f.names(s.Route) || f.names(s.Path) || f.names(s.Message) ||
			f.names(s.RequestID) || f.names(s.UserAgent)
	})
	r.KeyNames = slices.DeleteFunc(r.KeyNames,
		func(n aggregate.KeyNameRow) bool { return f.key(n.Key) || f.names(n.Name) })
	for i := range c.Rejects {
		x := &c.Rejects[i]
		if x.Detail = f.text(x.Detail); f.names(x.Raw) {
			x.Raw = forgottenText
		}
	}
	return c
}

// changed is a copy of rows, each changed.
func changed[R any](rows aggregate.List[R], change func(*R)) aggregate.List[R] {
	list := rows.All()
	for i := range list {
		change(&list[i])
	}
	return aggregate.ListOf(list)
}

// keyRow changes a row in place; what rows share is copied first.
func (f *forgotten) keyRow(row *aggregate.KeyRow) {
	own, failure := f.key(row.Key), *row.KeyFailure
	if own {
		row.Key = classify.OtherKey
		failure.ClientIPs, failure.UserAgents = nil, nil
	}
	failure.ErrorType = f.text(failure.ErrorType)
	failure.ClientIPs = slices.DeleteFunc(slices.Clone(failure.ClientIPs), f.address)
	failure.UserAgents = slices.DeleteFunc(slices.Clone(failure.UserAgents), f.names)
	row.KeyFailure = &failure
}

func (f *forgotten) clientRow(row *aggregate.ClientRow) {
	failure := *row.ClientFailure
	failure.Keys = slices.DeleteFunc(slices.Clone(failure.Keys), f.key)
	if f.address(row.ClientIP) {
		row.ClientIP, failure.Keys = aggregate.OtherClient, nil
	}
	row.ClientFailure = &failure
}

// forgottenText replaces a person in texts, as in the store.
const forgottenText = "[forgotten]"

// inText finds possible addresses.
var inText = regexp.MustCompile(`(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{0,4}(?::|%3[Aa])){2,7}[0-9A-Fa-f.]*`)

var encodedColon = regexp.MustCompile(`%3[Aa]`)

func (f *forgotten) names(text string) bool { return f.text(text) != text }

func (f *forgotten) text(text string) string {
	if len(text) < len("::") {
		return text
	}
	return inText.ReplaceAllStringFunc(text, func(word string) string {
		if ip, err := netip.ParseAddr(encodedColon.ReplaceAllString(word, ":")); err == nil && f.client(ip.Unmap()) {
			return forgottenText
		}
		return word
	})
}
