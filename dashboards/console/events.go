package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// lookEvery is how often the store is checked for changes, once for all users.
	lookEvery = time.Second
	// signEvery is how often a stream without news sends something.
	signEvery = 5 * time.Second
	// writeLimit is how long sending one event may take.
	writeLimit = 10 * time.Second
	// mostStreams bounds the number of streams.
	mostStreams = 256
)

// serveEvents sends events until the client leaves or the process ends: stored when
// something new is stored, incident when incidents have changed, each with the state.
// Event status says that the store does not answer, and is also sent when there is no
// news.
func (k *Console) serveEvents(w http.ResponseWriter, r *http.Request) {
	if k.streams.Add(1) > mostStreams {
		k.streams.Add(-1)
		http.Error(w, "too many readers follow", http.StatusServiceUnavailable)
		return
	}
	defer k.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var last state
	var said time.Time
	for {
		s, err := k.state(r.Context())
		var events []string
		switch {
		case err != nil:
			s = &state{Wall: time.Now().Unix()}
			if last.Wall != 0 || said.IsZero() || time.Since(said) > signEvery {
				events = append(events, "status")
			}
			last = state{}
		default:
			if s.Stored != last.Stored {
				events = append(events, "stored")
			}
			if s.Incidents != last.Incidents {
				events = append(events, "incident")
			}
			if len(events) == 0 && time.Since(said) > signEvery {
				events = append(events, "status")
			}
			last = *s
		}
		for _, name := range events {
			said = time.Now()
			text, e := json.Marshal(struct {
				*state
				OK bool `json:"ok"`
			}{s, err == nil})
			if e != nil || out.SetWriteDeadline(said.Add(writeLimit)) != nil {
				return
			}
			if _, e := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, text); e != nil || out.Flush() != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-k.config.Done:
			return
		}
	}
}
