// Package console is a web program that shows the boards of package dashboards:
// one definition, two renderers, of which the other is Grafana's (package
// grafana). It serves embedded assets and an interface in JSON, and nothing is
// loaded from elsewhere.
//
// Its guarantee: what it reads changes nothing. Questions are GET, but for the search,
// whose text may hold a key and goes in the body of a POST; queries are the boards' own
// texts, a reader's values travel beside them as ClickHouse's query parameters,
// and the server is asked to let them change nothing. It writes only where it was given
// a Writer and a token, for whoever has shown that, and only what people say of incidents
// and keys (write.go). Without a token it answers
// only on loopback, and everywhere only who calls this machine by a name of its own
// (session.go).
//
// It starts no goroutine: what runs at one time is the server's requests. An
// answer is computed once for all who ask at that moment (answers.go), at most
// four at once.
package console
