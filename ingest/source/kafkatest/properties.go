package kafkatest

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// logConfig keeps warnings, and the line that says a broker is ready.
const logConfig = `appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %m (%c)%n
rootLogger=WARN, C
logger.s.name=kafka.server.KafkaRaftServer
logger.s.level=INFO
`

func addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// properties is a node's server.properties. It differs from a broker's
// defaults in what would make tests slow or large: pauses before rebalances,
// 50 partitions of each internal topic, 128 MiB for the log cleaner, 9 s until
// a broker that was killed may register again. Old timestamps are kept, and topics are not made by asking for them.
func (c *Cluster) properties(n *node) string {
	replicas := min(3, c.cfg.Nodes)
	var voters, listeners, advertised []string
	for _, v := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", v.id, addr(v.ports[control])))
	}
	for _, name := range c.listeners() {
		l := name + "://" + addr(n.ports[name])
		listeners = append(listeners, l)
		if name != control {
			advertised = append(advertised, l)
		}
	}
	props := map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          strconv.Itoa(n.id),
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"listeners":                                        strings.Join(listeners, ","),
		"advertised.listeners":                             strings.Join(advertised, ","),
		"controller.listener.names":                        control,
		"inter.broker.listener.name":                       Plaintext,
		"listener.security.protocol.map":                   "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,STLS:SASL_SSL",
		"log.dirs":                                         filepath.Join(n.dir, "data"),
		"offsets.topic.replication.factor":                 strconv.Itoa(replicas),
		"offsets.topic.num.partitions":                     "3",
		"transaction.state.log.replication.factor":         strconv.Itoa(replicas),
		"transaction.state.log.min.isr":                    strconv.Itoa((replicas + 1) / 2),
		"transaction.state.log.num.partitions":             "1",
		"share.coordinator.state.topic.replication.factor": strconv.Itoa(replicas),
		"share.coordinator.state.topic.min.isr":            strconv.Itoa((replicas + 1) / 2),
		"broker.session.timeout.ms":                        "3000",
		"broker.heartbeat.interval.ms":                     "500",
		"group.initial.rebalance.delay.ms":                 "0",
		"group.min.session.timeout.ms":                     "500",
		"auto.create.topics.enable":                        "false",
		"controlled.shutdown.enable":                       strconv.FormatBool(c.cfg.Nodes > 1),
		"log.cleaner.dedupe.buffer.size":                   "2097152",
		"log.cleaner.backoff.ms":                           "200",
		"log.retention.ms":                                 "-1",
		"num.network.threads":                              "2",
		"num.io.threads":                                   "2",
		"background.threads":                               "2",
	}
	if c.cfg.PEM != "" {
		props["ssl.keystore.type"] = "PEM"
		props["ssl.keystore.location"] = c.cfg.PEM
	}
	if c.cfg.User != "" {
		props["sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
		for _, listener := range []string{"sasl", "stls"} {
			prefix := "listener.name." + listener + "."
			props[prefix+"plain.sasl.jaas.config"] = fmt.Sprintf(
				`org.apache.kafka.common.security.plain.PlainLoginModule required user_%s="%s";`, c.cfg.User,
				c.cfg.Password)
			for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
				props[prefix+m+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
			}
		}
	}
	maps.Copy(props, c.cfg.Properties)
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(props)) {
		fmt.Fprintf(&b, "%s=%s\n", k, props[k])
	}
	return b.String()
}
