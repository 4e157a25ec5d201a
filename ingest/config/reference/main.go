// Command reference writes the page that describes every setting.
package main

import (
	"bytes"
	"fmt"
	"os"

	"statline/ingest/config"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("got %d arguments; want the file to write", len(args))
	}
	var page bytes.Buffer
	if err := config.Reference(&page); err != nil {
		return err
	}
	return os.WriteFile(args[0], page.Bytes(), 0o644)
}
