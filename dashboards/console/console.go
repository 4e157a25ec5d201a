package console

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"statline/dashboards"
	"statline/dashboards/query"
)

// Store answers the boards' queries, which must not be able to change anything.
type Store interface {
	Database() string
	// Answer calls head once with the names and types of the columns, then row
	// with the values of each row, nil for NULL.
	Answer(ctx context.Context, sql string, values map[string]any, head func(names, types []string) error,
		row func(values []any) error) error
}

// Config configures a console.
type Config struct {
	// Store returns the store. It may be nil while the process starts: then there are
	// no answers yet.
	Store func() Store
	// Version is that of the binary; the page shows it.
	Version string
	// Cluster is ClickHouse's cluster, for the texts about the server itself.
	Cluster string
	// Access says who may use the console.
	Access Access
	// KeyID returns the id of a key, so that a pasted key can be found; nil when the
	// secret is not known.
	KeyID func(key string) string
	// Objectives returns the wanted shares of good responses: of all services, and of
	// those with one of their own. nil is the default.
	Objectives func() (usual float64, services map[string]float64)
	// Writer returns what stores users' notes and names. With nil, or without a token,
	// nobody can write.
	Writer func() Writer
	// Done ends the streams of events; nil never does.
	Done <-chan struct{}
}

// Console is the console's handler.
type Console struct {
	config  Config
	boards  []board
	panels  map[string]panel
	lists   map[string]query.Text // of variables, by board and name
	assets  assets
	answers answers
	streams *atomic.Int64
}

// New makes a console without asking the store.
func New(c Config) (*Console, error) {
	files, err := readAssets()
	if err != nil {
		return nil, err
	}
	k := &Console{config: c, assets: files, panels: map[string]panel{}, lists: map[string]query.Text{},
		answers: newAnswers(), streams: new(atomic.Int64)}
	for _, b := range append(dashboards.Boards(k.goals()), dashboards.ConsoleBoards()...) {
		k.add(b)
	}
	return k, nil
}

// goals are the current objectives.
func (k *Console) goals() query.Objectives {
	if k.config.Objectives == nil {
		return dashboards.UsualObjectives()
	}
	usual, services := k.config.Objectives()
	return query.Objectives{Usual: usual, Services: services}
}

// panel returns a panel by its board and index. Queries about error budgets use the
// current objectives, which a reload may have changed.
func (k *Console) panel(board, place string) (panel, bool) {
	id := board + "/" + place
	if p, ok := k.panels[id]; !ok || !p.goals {
		return p, ok
	}
	now := &Console{panels: map[string]panel{}, lists: map[string]query.Text{}}
	for _, b := range dashboards.Boards(k.goals()) {
		if b.Name == board {
			now.add(b)
		}
	}
	p, ok := now.panels[id]
	return p, ok
}

// queryLimit is how long one query may take.
const queryLimit = 20 * time.Second

// Handler serves the pages, the assets and the interface.
func (k *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/boards", k.behind(k.serveBoards))
	mux.HandleFunc("GET /api/state", k.behind(k.serveState))
	mux.HandleFunc("GET /api/panel/{board}/{panel}", k.behind(k.servePanel))
	mux.HandleFunc("GET /api/values/{board}/{variable}", k.behind(k.serveValues))
	mux.HandleFunc("GET /api/events", k.behind(k.serveEvents))
	mux.HandleFunc("GET /api/parents", k.behind(k.answering(query.Parents())))
	mux.HandleFunc("GET /api/notes", k.behind(k.answering(query.Notes())))
	mux.HandleFunc("GET /api/label", k.behind(k.serveLabel))
	mux.HandleFunc("GET /api/incidents", k.behind(k.answering(query.IncidentStates())))
	mux.HandleFunc("GET /api/deploys", k.behind(k.answering(query.Deploys())))
	mux.HandleFunc("POST /api/notes", k.writing(k.takeNote))
	mux.HandleFunc("POST /api/label", k.writing(k.takeLabel))
	mux.HandleFunc("POST /api/deploys", k.writing(k.takeDeploy))
	mux.HandleFunc("POST /api/search", k.behind(k.serveSearch))
	mux.HandleFunc("POST /api/session", k.serveSession)
	mux.HandleFunc("GET /assets/{name...}", k.open(k.assets.serve))
	mux.HandleFunc("GET /", k.open(k.assets.page))
	return k.guarded(mux)
}
