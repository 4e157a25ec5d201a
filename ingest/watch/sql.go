package watch

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/distinct"
	"statline/classify/limit"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// SQL reads evidence from ClickHouse and keeps incidents and scores there.
type SQL struct {
	store     *store.Store
	catalogue map[uint16]int16 // code -> HTTP status
	contract  string           // the condition of a response that breaks it
	// What is usual, by the first minute of the day that it is compared with.
	paces  map[detect.Minute][]detect.Pace
	misses map[detect.Minute]map[string]int // by service
	rates  map[detect.Minute]map[flooder]uint64
	errors map[detect.Minute]map[string]knownService // by service
	before map[Deploy]map[string]bool                // errors of the week before a deploy
	first  detect.Minute                             // see began; 0 before it is asked
	alone  detect.Minute                             // see Alone; 0 for what is stored

	deployed []detect.Deploy    // see Keep
	limits   func() *limit.File // see Limited; nil for none
}

// NewSQL makes the evidence queries of a store; catalogue says which codes are
// known.
func NewSQL(s *store.Store, catalogue *classify.Catalogue) *SQL {
	q := &SQL{store: s, catalogue: map[uint16]int16{}, paces: map[detect.Minute][]detect.Pace{},
		misses: map[detect.Minute]map[string]int{}, rates: map[detect.Minute]map[flooder]uint64{},
		errors: map[detect.Minute]map[string]knownService{}, before: map[Deploy]map[string]bool{}}
	var codes []string
	for _, e := range catalogue.Entries() {
		if e.Code != 0 {
			q.catalogue[e.Code] = e.HTTPStatus
			codes = append(codes, fmt.Sprint(e.Code))
		}
	}
	q.contract = "0" // an API without codes promises none
	if len(codes) > 0 {
		q.contract = "drift > 0 OR code > 0 AND code NOT IN (" + strings.Join(codes, ", ") + ") OR " + missingCode
	}
	return q
}

func (q *SQL) table(t schema.Table) string { return q.store.Table(t) }

// within is the SQL condition for a sorted list of minutes, as few ranges as
// possible.
func within(minutes []detect.Minute) string {
	if len(minutes) == 0 {
		return "0"
	}
	var parts []string
	for i := 0; i < len(minutes); {
		j := i
		for j+1 < len(minutes) && minutes[j+1] == minutes[j]+1 {
			j++
		}
		parts = append(parts, between(minutes[i], minutes[j]))
		i = j + 1
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

func between(from, to detect.Minute) string {
	return fmt.Sprintf("minute BETWEEN toDateTime(%d, 'UTC') AND toDateTime(%d, 'UTC')", max(from.Unix(), 0),
		max(to.Unix(), 0))
}

// The conditions for rows of each outcome or group of them.
var (
	failed      = outcome(classify.Failed)
	succeeded   = outcome(classify.GroupOf(classify.Success))
	timedOut    = outcome(classify.GroupOf(classify.Timeout))
	offline     = outcome(classify.GroupOf(classify.Offline))
	serverSide  = outcome(classify.ServerSide)
	rateLimited = outcome(classify.Limited)
	deadKey     = outcome(classify.DeadKey)
	invalidKey  = outcome(classify.GroupOf(classify.InvalidKey))
	loginFailed = outcome(classify.LoginFailed)
	// refused are the outcomes for which a key is refused by its own fault.
	refused = outcome(classify.Limited | classify.DeadKey | classify.GroupOf(classify.InvalidKey))
)

func outcome(g classify.Group) string { return g.SQL("outcome") }

var serviceSums = "sum(requests) AS n, sumIf(requests, " + timedOut + ") AS timeout, sumIf(requests, " +
	offline + ") AS offline, sumIf(requests, " + serverSide + ") AS bad"

// Rows implements Evidence.
func (q *SQL) Rows(ctx context.Context, minutes []detect.Minute) (*Rows, error) {
	b := &Rows{Minutes: minutes}
	q.first = 0
	where := within(minutes)
	type row struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Version string    `ch:"version"`
		N       uint64    `ch:"n"`
		Timeout uint64    `ch:"timeout"`
		Offline uint64    `ch:"offline"`
		Bad     uint64    `ch:"bad"`
	}
	err := store.Each(ctx, q.store, func(r *row) error {
		b.addService(ServiceRow{minuteOf(r.Minute), r.Service,
			detect.Counts{N: r.N, Timeout: r.Timeout, Offline: r.Offline, Bad: r.Bad}}, r.Version)
		return nil
	}, "SELECT minute, service, version, "+serviceSums+" FROM "+q.table(schema.Services)+" WHERE "+where+
		" GROUP BY minute, service, version ORDER BY minute, service, version")
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	if b.Contracts, err = q.contractRows(ctx, where); err != nil {
		return nil, err
	}
	if b.Sources, err = q.sourceRows(ctx, minutes); err != nil {
		return nil, err
	}
	if b.Misses, err = q.missRows(ctx, minutes); err != nil {
		return nil, err
	}
	if b.Near, err = q.nearRows(ctx, minutes); err != nil {
		return nil, err
	}
	b.Paces, err = q.paceRows(ctx, minutes)
	return b, err
}

// addService adds what the requests of a version of a service were in a minute. Rows
// come sorted by minute, service and version.
func (b *Rows) addService(r ServiceRow, version string) {
	if version != "" {
		b.Versions = append(b.Versions, VersionRow{r.Service, detect.VersionMinute{Minute: r.Minute, Version: version,
			Requests: r.N}})
	}
	if n := len(b.Services); n > 0 && b.Services[n-1].Minute == r.Minute && b.Services[n-1].Service == r.Service {
		b.Services[n-1].Add(r.Counts)
		return
	}
	b.Services = append(b.Services, r)
}

// Candidates implements Evidence. A key's minute may be in several rows, of services,
// codes and blocks, so the sums here select rather more than detect.Candidate does.
func (q *SQL) Candidates(ctx context.Context, minutes []detect.Minute, from detect.Minute,
	c detect.Candidate) (ids []string, err error) {
	if len(minutes) == 0 {
		return nil, nil
	}
	type row struct {
		Key string `ch:"key_id"`
	}
	seen, err := q.seenAmong(ctx, schema.Keys, "key_id", refused, minutes, from)
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	err = store.Each(ctx, q.store, func(r *row) error {
		ids = append(ids, r.Key)
		return nil
	}, fmt.Sprintf(`SELECT key_id FROM %s WHERE %s AND %s AND key_id != '%s'%s
		GROUP BY key_id HAVING countIf(%s) > 0 OR countIf(%s) >= %d OR sumIf(requests, %s) >= %d
		OR sumIf(bitCount(slots), %s) >= greatest(1, %v * 5 * intDiv(60, max(if(slot_seconds = 0, 10, slot_seconds))))
		ORDER BY key_id`, q.table(schema.Keys), between(from, minutes[len(minutes)-1]), refused, classify.Other, seen,
		deadKey, invalidKey, max(c.InvalidMinutes, 1), invalidKey, max(c.InvalidCount, 1), rateLimited,
		c.ThrottledShare))
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	return ids, nil
}

// Keys implements Evidence.
func (q *SQL) Keys(ctx context.Context, n KeyNeed, each func(*KeyRow)) error {
	for _, part := range n.parts() {
		where, args := part.where("key_id", "arrayJoin(?)")
		having := ""
		if n.Refusals {
			having = "HAVING limited + dead + invalid > 0"
			if whole := among(part.Names, n.Whole); len(whole) > 0 {
				having += " OR key_id IN (SELECT arrayJoin(?))"
				args = append(args, whole)
			}
		}
		err := store.Each(ctx, q.store, func(r *keyScan) error {
			each(&KeyRow{r.Key, r.Service, detect.KeyMinute{
				Minute: minuteOf(r.Minute), Requests: r.N, Success: r.Success, RateLimited: r.Limited, Dead: r.Dead,
				Invalid: r.Invalid,
				Slots:   r.Slots, SlotSeconds: r.Seconds, Limit: r.Limit, Highest: r.Highest, DeadCode: r.Code,
			}})
			return nil
		}, "SELECT "+keySums+" FROM "+q.table(schema.Keys)+" WHERE "+where+" AND key_id != '"+classify.Other+
			"' GROUP BY key_id, minute "+having+" ORDER BY minute, key_id", args...)
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
	}
	return nil
}

// parts are needs that a query each reads.
func (n *Need) parts() (list []Need) {
	bytes := 0
	for _, name := range slices.Concat(n.Names, n.Fresh, n.Fresh) {
		bytes += len(name) + len("'', ")
	}
	switch {
	case len(n.Names)+len(n.Fresh) == 0:
		return nil
	case bytes <= maxNamesBytes:
		return []Need{*n}
	}
	for names := range parts(n.Names) {
		list = append(list, Need{Names: names, Minutes: n.Minutes})
	}
	for fresh := range parts(n.Fresh) {
		list = append(list, Need{Fresh: fresh, First: n.First, Minutes: n.Minutes})
	}
	return list
}

// where is the condition of a needed row, and its arguments: lists of names, which
// values makes values of the column.
func (n *Need) where(column, values string) (where string, args []any) {
	in := column + " IN (SELECT " + values + ")"
	args = []any{slices.Concat(n.Names, n.Fresh)}
	if len(n.Fresh) == 0 {
		return in + " AND " + within(n.Minutes), args
	}
	since := between(n.First, n.Minutes[len(n.Minutes)-1])
	if len(n.Names) == 0 {
		return in + " AND " + since, args
	}
	return in + " AND (" + within(n.Minutes) + " OR " + since + " AND " + in + ")", append(args, n.Fresh)
}

// among are those of names that are in list.
func among(names, list []string) []string {
	var found []string
	in := map[string]bool{}
	for _, name := range names {
		in[name] = true
	}
	for _, name := range list {
		if in[name] {
			found = append(found, name)
		}
	}
	return found
}

// maxNamesBytes keeps a list of names, twice or with some numbers of each, within one
// query: ClickHouse refuses a text of more than 256 KiB (max_query_size).
const maxNamesBytes = 100 << 10

// parts splits names into lists that fit a query, in their order.
func parts(names []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		first, bytes := 0, 0
		for i, name := range names {
			n := len(name) + len("'', ")
			if bytes+n > maxNamesBytes && i > first {
				if !yield(names[first:i]) {
					return
				}
				first, bytes = i, 0
			}
			bytes += n
		}
		if first < len(names) {
			yield(names[first:])
		}
	}
}

type keyScan struct {
	Key     string    `ch:"key_id"`
	Minute  time.Time `ch:"minute"`
	Service string    `ch:"one_service"`
	N       uint32    `ch:"n"`
	Success uint32    `ch:"success"`
	Limited uint32    `ch:"limited"`
	Dead    uint32    `ch:"dead"`
	Invalid uint32    `ch:"invalid"`
	Slots   uint64    `ch:"slot_mask"`
	Seconds uint8     `ch:"seconds"`
	Limit   uint32    `ch:"limit_seen"`
	Highest uint32    `ch:"count_seen"`
	Code    uint16    `ch:"dead_code"`
}

var keySums = `key_id, minute, if(min(service) = max(service), any(service), '') AS one_service, toUInt32(sum(requests)) AS n,
	toUInt32(sumIf(requests, ` + succeeded + `)) AS success, toUInt32(sumIf(requests, ` + rateLimited + `)) AS limited,
	toUInt32(sumIf(requests, ` + deadKey + `)) AS dead, toUInt32(sumIf(requests, ` + invalidKey + `)) AS invalid,
	groupBitOrIf(slots, ` + rateLimited + `) AS slot_mask, max(slot_seconds) AS seconds, max(limit_max) AS limit_seen,
	max(count_max) AS count_seen, maxIf(code, ` + deadKey + `) AS dead_code`

type clientScan struct {
	IP      string    `ch:"ip"`
	Minute  time.Time `ch:"minute"`
	N       uint64    `ch:"n"`
	Success uint64    `ch:"success"`
	Invalid uint64    `ch:"invalid"`
	Failed  uint64    `ch:"failed"`
	Keys    []string  `ch:"invalid_keys"`
	Missed  uint64    `ch:"missed"`
	Paths   []uint64  `ch:"paths"`
}

var clientSums = `toString(client_ip) AS ip, minute, sum(requests) AS n, sumIf(requests, ` + succeeded + `) AS success,
	sumIf(requests, ` + invalidKey + `) AS invalid, sumIf(requests, ` + loginFailed + `) AS failed,
	groupUniqArrayArrayIf(key_ids, ` + invalidKey + `) AS invalid_keys, sumIf(requests, ` + lostPath + `) AS missed,
	[` + strings.Join(pathWords("groupBitOr(", ")"), ", ") + `] AS paths`

// oneClient selects rows of a client with a known address.
const oneClient = "client_ip NOT IN (toIPv6('::'), toIPv6('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))"

// failing and lost select the rows of clients that some rule uses. A 404 has none of
// the outcomes that lost leaves out, of which there may be many.
var (
	failing = outcome(classify.GroupOf(classify.InvalidKey)|classify.LoginFailed) + " AND " + oneClient
	lost    = outcome(classify.Failed&^(classify.Limited|classify.ServerSide)) + " AND " + lostPath + " AND " +
		oneClient
	lostPath = "(" + strings.Join(pathWords("", " != 0"), " OR ") + ")"
)

// pathWords are the columns of the bitmap of paths that were answered 404.
func pathWords(before, after string) []string {
	words := make([]string, distinct.Words)
	for i := range words {
		words[i] = fmt.Sprintf("%spath_bits_%d%s", before, i, after)
	}
	return words
}

// ClientCandidates implements Evidence.
func (q *SQL) ClientCandidates(ctx context.Context, minutes []detect.Minute, from detect.Minute,
	c detect.ClientCandidate) (ips []string, err error) {
	if len(minutes) == 0 {
		return nil, nil
	}
	for _, look := range []struct{ rows, having string }{
		{failing, fmt.Sprintf("sumIf(requests, %s) >= %d OR length(groupUniqArrayArrayIf(key_ids, %s)) >= %d", loginFailed, c.Failures, invalidKey, c.Keys)},
		{lost, fmt.Sprintf("%s >= %d", strings.Join(pathWords("bitCount(groupBitOr(", "))"), " + "), c.Paths)},
	} {
		seen, err := q.seenAmong(ctx, schema.Clients, "client_ip", look.rows, minutes, from)
		if err != nil {
			return nil, fmt.Errorf("client candidates: %w", err)
		}
		err = store.Each(ctx, q.store, func(r *struct {
			IP string `ch:"ip"`
		}) error {
			ips = append(ips, plainIP(r.IP))
			return nil
		}, fmt.Sprintf("SELECT toString(client_ip) AS ip FROM %s WHERE %s AND %s%s GROUP BY client_ip HAVING %s",
			q.table(schema.Clients), between(from, minutes[len(minutes)-1]), look.rows, seen, look.having))
		if err != nil {
			return nil, fmt.Errorf("client candidates: %w", err)
		}
	}
	slices.Sort(ips)
	return slices.Compact(ips), nil
}

// Clients implements Evidence.
func (q *SQL) Clients(ctx context.Context, n Need, each func(*ClientRow)) error {
	for _, part := range n.parts() {
		where, args := part.where("client_ip", "toIPv6(arrayJoin(?))")
		err := store.Each(ctx, q.store, func(r *clientScan) error {
			m := detect.ClientMinute{Minute: minuteOf(r.Minute), Requests: r.N, Success: r.Success, Invalid: r.Invalid,
				AuthFailed: r.Failed,
				NotFound:   r.Missed, Paths: distinct.Bitmap(r.Paths)}
			for _, k := range r.Keys {
				m.InvalidKeys = append(m.InvalidKeys, hash(k))
			}
			slices.Sort(m.InvalidKeys)
			each(&ClientRow{plainIP(r.IP), m})
			return nil
		}, "SELECT "+clientSums+" FROM "+q.table(schema.Clients)+" WHERE "+where+
			" GROUP BY client_ip, minute ORDER BY minute, client_ip", args...)
		if err != nil {
			return fmt.Errorf("clients: %w", err)
		}
	}
	return nil
}

// Error responses that should carry a code: not the gateway's own, and not of a client
// that left.
const (
	errorResponse = "http_status >= 400 AND http_status != 499 AND blame != 'gateway'"
	missingCode   = "code = 0 AND " + errorResponse
)

// Past implements Evidence.
// Long because it is one query in parts, and what each part is read into.
func (q *SQL) Past(ctx context.Context, at detect.Minute, keys, clients []string) (*Past, error) {
	p := &Past{}
	q.first = 0
	type series struct {
		Service string   `ch:"service"`
		At      []uint32 `ch:"at"`
		N       []uint64 `ch:"ns"`
		Timeout []uint64 `ch:"timeouts"`
		Offline []uint64 `ch:"offlines"`
		Bad     []uint64 `ch:"bads"`
	}
	read := func(step int, from detect.Minute, row func(s *series, i int)) error {
		return store.Each(ctx, q.store, func(s *series) error {
			for i := range s.At {
				row(s, i)
			}
			return nil
		}, fmt.Sprintf(`SELECT service, groupArray(slot) AS at, groupArray(n) AS ns, groupArray(timeout) AS timeouts, groupArray(offline) AS offlines, groupArray(bad) AS bads
			FROM (SELECT service, toUInt32(intDiv(toUnixTimestamp(minute), %d) * %d) AS slot, %s FROM %s WHERE %s GROUP BY service, slot ORDER BY service, slot)
			GROUP BY service ORDER BY service`, step, step, serviceSums, q.table(schema.Services), between(from, at)))
	}
	counts := func(s *series, i int) detect.Counts {
		return detect.Counts{N: s.N[i], Timeout: s.Timeout[i], Offline: s.Offline[i], Bad: s.Bad[i]}
	}
	err := read(60, at-detect.MinuteHistory, func(s *series, i int) {
		p.Minutes = append(p.Minutes, ServiceRow{detect.MinuteOf(int64(s.At[i])), s.Service, counts(s, i)})
	})
	if err != nil {
		return nil, fmt.Errorf("minutes of services: %w", err)
	}
	err = read(300, at-22*1440, func(s *series, i int) {
		p.Blocks = append(p.Blocks, BlockRow{detect.MinuteOf(int64(s.At[i])), s.Service, counts(s, i)})
	})
	if err != nil {
		return nil, fmt.Errorf("blocks of services: %w", err)
	}
	add := func(r *KeyRow) { p.Keys = append(p.Keys, *r) }
	now := []detect.Minute{at}
	err = q.Keys(ctx, KeyNeed{Need: Need{Fresh: keys, First: at - keyMemory, Minutes: now}, Refusals: true}, add)
	if err != nil {
		return nil, err
	}
	dead, err := store.Select[struct {
		Key string `ch:"key_id"`
	}](ctx, q.store, "SELECT DISTINCT key_id FROM "+q.table(schema.KeysHour)+" WHERE "+deadKey+" AND "+
		between(at-detect.KeyLookback-60, at)+" AND key_id != '"+classify.Other+"' ORDER BY key_id")
	if err != nil {
		return nil, fmt.Errorf("dead keys: %w", err)
	}
	ids := make([]string, len(dead))
	for i := range dead {
		ids[i] = dead[i].Key
	}
	err = q.Keys(ctx, KeyNeed{Need: Need{Fresh: ids, First: at - detect.KeyLookback, Minutes: now}}, add)
	if err != nil {
		return nil, err
	}
	err = q.Clients(ctx, Need{Fresh: clients, First: at - detect.ClientLookback, Minutes: now},
		func(r *ClientRow) { p.Clients = append(p.Clients, *r) })
	if err != nil {
		return nil, err
	}
	if p.Contracts, err = q.contractRows(ctx, between(at-detect.ContractLookback, at)); err != nil {
		return nil, err
	}
	if p.Sources, err = q.sourceRows(ctx, minutesOf(at-detect.SourceLookback, at)); err != nil {
		return nil, err
	}
	if p.Misses, err = q.missRows(ctx, minutesOf(at-detect.MissLookback, at)); err != nil {
		return nil, err
	}
	if p.Versions, err = q.versionRows(ctx, minutesOf(at-detect.DeployLookback, at)); err != nil {
		return nil, err
	}
	if p.Deploys, err = q.seen(ctx); err != nil {
		return nil, err
	}
	if p.Near, err = q.nearRows(ctx, minutesOf(at-detect.NearLookback, at)); err != nil {
		return nil, err
	}
	if p.Paces, err = q.paceRows(ctx, minutesOf(at-detect.PaceLookback, at)); err != nil {
		return nil, err
	}
	p.Late, err = q.lateServices(ctx, at)
	return p, err
}

// lateBy is by how many seconds the newest response of a block is older than its
// last record.
const lateBy = "dateDiff('second', max_event, last_record_ts)"

func minuteOf(t time.Time) detect.Minute { return detect.MinuteOf(t.Unix()) }

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// plainIP writes an IPv4-mapped address as IPv4.
func plainIP(s string) string {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	return ip.Unmap().String()
}
