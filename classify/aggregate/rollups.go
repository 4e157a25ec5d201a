package aggregate

import (
	"fmt"

	"statline/classify"
	"statline/classify/distinct"
)

// Rollups describes every table of counts, in the order in which a block's rows
// are written.
func Rollups() []Rollup {
	responses := Description[ResponseRow]{
		Name: "responses", Level: Minute, Sum: Responded, Shard: []string{"service", "route"},
		Rows:       func(b *Rows) List[ResponseRow] { return ListOf(b.Responses) },
		Minute:     func(r *ResponseRow) uint32 { return r.Minute },
		Requests:   func(r *ResponseRow) uint64 { return r.Requests },
		Dimensions: responseDimensions(), Measures: responseMeasures(),
	}
	responsesHour := responses
	responsesHour.Name, responsesHour.Level = "responses_hour", Hour
	responsesHour.Rows = func(b *Rows) List[ResponseRow] { return ListOf(b.ResponsesHour) }

	services := Description[ServiceRow]{
		Name: "services", Level: Minute, Sum: Responded, Shard: []string{"service"},
		Rows:     func(b *Rows) List[ServiceRow] { return ListOf(b.Services) },
		Minute:   func(r *ServiceRow) uint32 { return r.Minute },
		Requests: func(r *ServiceRow) uint64 { return r.Requests },
		Dimensions: []ColumnOf[ServiceRow]{
			Dimension("service", func(r *ServiceRow) string { return r.Service }),
			Dimension("outcome", func(r *ServiceRow) string { return r.Outcome.String() }),
			Dimension("version", func(r *ServiceRow) string { return r.Version }),
		},
	}
	servicesHour := Description[ServiceHourRow]{
		Name: "services_hour", Level: Hour, Sum: Responded, Shard: []string{"service"},
		Rows:     func(b *Rows) List[ServiceHourRow] { return ListOf(b.ServicesHour) },
		Minute:   func(r *ServiceHourRow) uint32 { return r.Minute },
		Requests: func(r *ServiceHourRow) uint64 { return r.Requests },
		Dimensions: []ColumnOf[ServiceHourRow]{
			Dimension("service", func(r *ServiceHourRow) string { return r.Service }),
			Dimension("outcome", func(r *ServiceHourRow) string { return r.Outcome.String() }),
		},
		Measures: []ColumnOf[ServiceHourRow]{
			Measure("latency", Sums, func(r *ServiceHourRow) Histogram {
				return Histogram{r.LatencyBuckets, r.LatencyCounts}
			}),
			Measure("upstream", Sums, func(r *ServiceHourRow) Histogram {
				return Histogram{r.UpstreamBuckets, r.UpstreamCounts}
			}),
		},
	}

	keys := Description[KeyRow]{
		Name: "keys", Level: Minute, Sum: Keyed, Shard: []string{"key_id"},
		Rows:       func(b *Rows) List[KeyRow] { return b.Keys },
		Minute:     func(r *KeyRow) uint32 { return r.Minute },
		Requests:   func(r *KeyRow) uint64 { return r.Requests },
		Dimensions: keyDimensions(), Measures: keyMeasures(),
	}
	keysHour := keys
	keysHour.Name, keysHour.Level = "keys_hour", Hour
	keysHour.Rows = func(b *Rows) List[KeyRow] { return b.KeysHour }

	clients := Description[ClientRow]{
		Name: "clients", Level: Minute, Sum: Addressed, Shard: []string{"client_ip"},
		Rows:       func(b *Rows) List[ClientRow] { return b.Clients },
		Minute:     func(r *ClientRow) uint32 { return r.Minute },
		Requests:   func(r *ClientRow) uint64 { return r.Requests },
		Dimensions: clientDimensions(), Measures: clientMeasures(),
	}
	agents := Description[AgentRow]{
		Name: "agents", Level: Minute, Sum: Agented, Shard: []string{"service", "agent"},
		Rows:       func(b *Rows) List[AgentRow] { return ListOf(b.Agents) },
		Minute:     func(r *AgentRow) uint32 { return r.Minute },
		Requests:   func(r *AgentRow) uint64 { return r.Requests },
		Dimensions: agentDimensions(), Measures: agentMeasures(),
	}
	agentsHour := agents
	agentsHour.Name, agentsHour.Level = "agents_hour", Hour
	agentsHour.Rows = func(b *Rows) List[AgentRow] { return ListOf(b.AgentsHour) }
	return []Rollup{
		Describe(responses), Describe(responsesHour), Describe(services), Describe(servicesHour),
		Describe(keys), Describe(keysHour), Describe(clients),
		Describe(agents), Describe(agentsHour),
	}
}

func responseDimensions() []ColumnOf[ResponseRow] {
	type row = ResponseRow
	return []ColumnOf[row]{
		Dimension("service", func(r *row) string { return r.Service }),
		Dimension("route", func(r *row) string { return r.Route }),
		Dimension("method", func(r *row) string { return r.Method }),
		Dimension("http_status", func(r *row) uint16 { return r.HTTPStatus }),
		Dimension("code", func(r *row) uint16 { return r.Code }),
		Dimension("outcome", func(r *row) string { return r.Outcome.String() }),
		Dimension("decided_by", func(r *row) string { return r.DecidedBy.String() }),
		Dimension("blame", func(r *row) string { return r.Blame.String() }),
		Dimension("error_type", func(r *row) string { return r.ErrorType }),
	}
}

func responseMeasures() []ColumnOf[ResponseRow] {
	type row = ResponseRow
	return []ColumnOf[row]{
		Measure("bytes", Add, func(r *row) uint64 { return r.Bytes }),
		Measure("drift", Add, func(r *row) uint64 { return r.Drift }),
		Measure("latency", Sums, func(r *row) Histogram { return Histogram{r.LatencyBuckets, r.LatencyCounts} }),
		Measure("latency_us", Add, func(r *row) uint64 { return r.LatencyMicros }),
		Measure("upstream_requests", Add, func(r *row) uint64 { return r.UpstreamRequests }),
		Measure("upstream_us", Add, func(r *row) uint64 { return r.UpstreamMicros }),
		Measure("upstream", Sums, func(r *row) Histogram { return Histogram{r.UpstreamBuckets, r.UpstreamCounts} }),
		Measure("truncated", Max, func(r *row) bool { return r.Truncated }),
		Measure("retries", Add, func(r *row) uint64 { return r.Retries }),
	}
}

func keyDimensions() []ColumnOf[KeyRow] {
	type row = KeyRow
	return []ColumnOf[row]{
		Dimension("key_id", func(r *row) classify.KeyID { return r.Key }),
		Dimension("service", func(r *row) string { return r.Service }),
		Dimension("outcome", func(r *row) string { return r.Outcome.String() }),
		Dimension("code", func(r *row) uint16 { return r.Code }),
		measureOf(failures, "error_type", None, func(r *row) string { return r.ErrorType }),
	}
}

func keyMeasures() []ColumnOf[KeyRow] {
	type row = KeyRow
	return []ColumnOf[row]{
		Measure("bytes", Add, func(r *row) uint64 { return r.Bytes }),
		measureOf(failures, "count_max", Max, func(r *row) uint32 { return r.CountMax }),
		measureOf(failures, "limit_max", Max, func(r *row) uint32 { return r.LimitMax }),
		measureOf(failures, "slots", Or, func(r *row) uint64 { return r.Slots }),
		measureOf(failures, "slot_seconds", Max, func(r *row) uint8 { return r.SlotSeconds }),
		measureOf(failures, "first_offset", Min, func(r *row) uint16 { return offset(r.Minute, r.FirstSeen) }),
		measureOf(failures, "last_offset", Max, func(r *row) uint16 { return offset(r.Minute, r.LastSeen) }),
		measureOf(failures, "client_ips", Union, func(r *row) [][16]byte { return r.ClientIPs }),
		measureOf(failures, "user_agents", Union, func(r *row) []string { return r.UserAgents }),
		Measure("truncated", Max, func(r *row) bool { return r.Truncated }),
		measureOf(told, "quota_limit", Max, func(r *row) uint32 { return r.Quota.Limit }),
		measureOf(told, "quota_low", Max, func(r *row) uint32 { return r.Quota.Low }),
		measureOf(told, "quota_window", Max, func(r *row) uint32 { return r.Quota.Window }),
		measureOf(told, "retry_after", Max, func(r *row) uint32 { return r.Quota.RetryAfter }),
		measureOf(told, "retries", Add, func(r *row) uint64 { return r.Retries }),
	}
}

// offset is how many seconds into its minute or hour something was seen, 0 when the
// row does not say.
func offset(minute, seen uint32) uint16 {
	if seen < minute {
		return 0
	}
	return uint16(seen - minute)
}

func clientDimensions() []ColumnOf[ClientRow] {
	type row = ClientRow
	return []ColumnOf[row]{
		Dimension("client_ip", func(r *row) [16]byte { return r.ClientIP }),
		Dimension("outcome", func(r *row) string { return r.Outcome.String() }),
		Dimension("code", func(r *row) uint16 { return r.Code }),
	}
}

func clientMeasures() []ColumnOf[ClientRow] {
	type row = ClientRow
	list := []ColumnOf[row]{
		measureOf(failures, "slots", Or, func(r *row) uint64 { return r.Slots }),
		measureOf(failures, "key_ids", Union, func(r *row) []classify.KeyID { return r.Keys }),
		Measure("truncated", Max, func(r *row) bool { return r.Truncated }),
	}
	for i := range distinct.Words {
		list = append(list, measureOf(failures, fmt.Sprintf("path_bits_%d", i), Or,
			func(r *row) uint64 { return r.Paths[i] }))
	}
	return list
}

func agentDimensions() []ColumnOf[AgentRow] {
	type row = AgentRow
	return []ColumnOf[row]{
		Dimension("service", func(r *row) string { return r.Service }),
		Dimension("class", func(r *row) string { return r.Class }),
		Dimension("agent", func(r *row) string { return r.Agent }),
		Dimension("outcome", func(r *row) string { return r.Outcome.String() }),
	}
}

func agentMeasures() []ColumnOf[AgentRow] {
	type row = AgentRow
	list := []ColumnOf[row]{Measure("truncated", Max, func(r *row) bool { return r.Truncated })}
	for i := range distinct.Words {
		list = append(list, Measure(fmt.Sprintf("key_bits_%d", i), Or, func(r *row) uint64 { return r.Keys[i] }))
	}
	return list
}
