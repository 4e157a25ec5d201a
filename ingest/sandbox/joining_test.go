package sandbox_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"statline/ingest/sandbox"
)

// member speaks the group protocol by hand, so that a test can die between any
// two of its messages.
type member struct {
	conn       net.Conn
	id         string
	generation int32
}

func newMember(t *testing.T, s *sandbox.Sandbox) *member {
	t.Helper()
	conn, err := net.Dial("tcp", s.Brokers()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &member{conn: conn}
}

func (m *member) send(t *testing.T, req kmsg.Request) {
	t.Helper()
	if _, err := m.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
}

func (m *member) receive(t *testing.T, res kmsg.Response) {
	t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var head [4]byte
	if _, err := io.ReadFull(m.conn, head[:]); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(m.conn, body); err != nil {
		t.Fatal(err)
	}
	if err := res.ReadFrom(body[4:]); err != nil { // after the correlation id
		t.Fatal(err)
	}
}

// join asks to join; joined waits for the answer.
func (m *member) join(t *testing.T) {
	t.Helper()
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.ProtocolType = 2, "statline", m.id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 1000, 60_000
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	m.send(t, req)
}

func (m *member) joined(t *testing.T) (members []string) {
	t.Helper()
	res := kmsg.NewPtrJoinGroupResponse()
	res.Version = 2
	m.receive(t, res)
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		t.Fatalf("join: %v", err)
	}
	m.id, m.generation = res.MemberID, res.Generation
	for _, other := range res.Members {
		members = append(members, other.MemberID)
	}
	return members
}

func (m *member) sync(t *testing.T) {
	t.Helper()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = "statline", m.id, m.generation
	m.send(t, req)
	res := kmsg.NewPtrSyncGroupResponse()
	m.receive(t, res)
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		t.Fatalf("sync: %v", err)
	}
}

func (m *member) heartbeat(t *testing.T) error {
	t.Helper()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = "statline", m.id, m.generation
	m.send(t, req)
	res := kmsg.NewPtrHeartbeatResponse()
	m.receive(t, res)
	return kerr.ErrorForCode(res.ErrorCode)
}

// awaitRebalance sends heartbeats until one is answered with a rebalance.
func (m *member) awaitRebalance(t *testing.T, why string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err := m.heartbeat(t); errors.Is(err, kerr.RebalanceInProgress) {
			return
		} else if err != nil {
			t.Fatalf("heartbeat: %v", err)
		}
	}
	t.Fatalf("no rebalance within 20 s after %s", why)
}

// A member whose connection ends while it joins is out of the group a session
// timeout after its JoinGroup was answered, whether the leader has shared out
// the partitions by then or not.
func TestBrokerExpiresMemberThatDiedJoining(t *testing.T) {
	s := start(t, sandbox.Config{Kafka: anyPort, Topics: []string{topic}})
	leader := newMember(t, s)
	leader.join(t)
	leader.joined(t)
	leader.sync(t)

	dying := newMember(t, s)
	dying.join(t)
	leader.awaitRebalance(t, "another asked to join")
	_ = dying.conn.Close()
	time.Sleep(100 * time.Millisecond) // the broker sees the connection's end before the leader joins
	leader.join(t)
	if members := leader.joined(t); len(members) != 2 {
		t.Fatalf("members: got %q; want the leader and the dead one", members)
	}
	leader.sync(t)

	leader.awaitRebalance(t, "the other died")
	leader.join(t)
	if members := leader.joined(t); !slices.Equal(members, []string{leader.id}) {
		t.Errorf("members: got %q; want only %s", members, leader.id)
	}
}

// Of two that join together the one that becomes the leader may be the dead
// one: the other is told to join again, and is alone.
func TestBrokerExpiresLeaderThatDiedJoining(t *testing.T) {
	s := start(t, sandbox.Config{Kafka: anyPort, Topics: []string{topic}})
	leader, other := newMember(t, s), newMember(t, s)
	leader.join(t)
	leader.joined(t)
	leader.sync(t)
	other.join(t)
	leader.awaitRebalance(t, "another asked to join")
	leader.join(t)
	_ = leader.conn.Close() // with the answer unread
	other.joined(t)
	other.awaitRebalance(t, "the leader died")
	other.join(t)
	if members := other.joined(t); !slices.Equal(members, []string{other.id}) {
		t.Errorf("members: got %q; want only %s", members, other.id)
	}
}
