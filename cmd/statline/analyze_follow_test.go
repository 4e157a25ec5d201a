package main

import (
	"bytes"
	"testing"

	"github.com/spf13/cobra"

	"statline/ingest/file"
)

// Promise: a file that is followed, or standard input, is told of once it has lines: it
// is not called empty because nothing has come yet.
func TestFollowedIsToldOfWithItsLines(t *testing.T) {
	var said bytes.Buffer
	f := &follower{cmd: &cobra.Command{}, say: &said, did: &loaded{}}
	known := &followed{path: "-", result: -1}
	f.add(known, file.Result{File: "-", State: file.Empty})
	f.add(known, file.Result{File: "-", State: file.Fresh, Lines: 3})
	f.add(known, file.Result{File: "-", State: file.Added, Lines: 2})
	if said.String() != "-: new, 3 lines\n" || len(f.did.Files) != 1 || f.did.Files[0].Lines != 5 {
		t.Errorf("got %q, %+v", said.String(), f.did.Files)
	}
}
