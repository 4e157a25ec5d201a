package ingest

// AtStep calls f at every named step of the protocol.
func (p *Pipeline) AtStep(f func(step string)) { p.crash = f }
