package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/decode"
	"statline/ingest/file"
)

// probeBytes is how much of a file probe reads.
const probeBytes = 4 << 20

func probeCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:   "probe FILE|-",
		Short: "Detect the log format of a file, and show how its fields are read",
		Example: `  statline probe access.log
  kafka-console-consumer --topic access --max-messages 100 | statline probe -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := st.HMAC()
			if err != nil {
				return err
			}
			cfg, err := st.Lines.Decode(secret)
			if err != nil {
				return err
			}
			text, err := probed(cmd, args[0])
			if err != nil && len(text) == 0 {
				return err
			}
			interrupted := err
			report, err := decode.ProbeWith(cfg, bytes.Split(text, []byte("\n")))
			if err != nil {
				return err
			}
			err = out.print(cmd, func(to io.Writer) { printProbe(to, report) }, report, report.Record,
				report.Refused)
			switch {
			case interrupted != nil || err != nil:
				return errors.Join(err, interrupted)
			case report.Responses == 0:
				return dataSaysNo("no line was understood; statline formats lists what is, and format json takes a mapping of " +
					"your own")
			}
			return nil
		},
	}
	st = takeSettings(c, "probe")
	out = takeOutput(c, answer.Of[decode.Report](answer.RowsOf[decode.Field]("field"),
		answer.RowsOf[decode.Refused]("rejected")), answer.JSON)
	return c
}

// probed reads the beginning of a file. After an interruption it returns the lines
// read so far, with the error.
func probed(cmd *cobra.Command, path string) ([]byte, error) {
	var stdin io.Reader
	if path == "-" {
		stdin = standardInput(cmd, "lines of a log")
	}
	in, err := file.Open(path, stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, probeBytes))
	switch {
	case err != nil && cmd.Context().Err() != nil:
		return text[:bytes.LastIndexByte(text, '\n')+1], context.Cause(cmd.Context())
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if i := bytes.LastIndexByte(text, '\n'); i > 0 && len(text) == probeBytes {
		text = text[:i]
	}
	return text, nil
}

func printProbe(w io.Writer, r decode.Report) {
	st := newStyle(w)
	name := r.Format
	if name == "" {
		name = "unknown"
	}
	fmt.Fprintf(w, "%s  %.0f %% of %d lines", st.bold.Render(name), 100*r.Confidence, r.Lines)
	if r.RunnerUp != "" {
		fmt.Fprintf(w, "; otherwise %s with %.0f %%", r.RunnerUp, 100*r.RunnerUpConfidence)
	}
	fmt.Fprintln(w)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(w, "%s %d rejected: %s\n", st.warn.Render("!"), r.Reasons[reason], reason)
	}
	for _, refused := range r.Refused {
		fmt.Fprintf(w, "  line %d: %s\n", refused.Line, refused.Detail)
	}
	if len(r.Record) > 0 {
		fmt.Fprintln(w)
		var rows [][]string
		for _, f := range r.Record {
			rows = append(rows, []string{f.Name, strings.TrimSpace(f.Value + " " + st.dim.Render(f.Unit))})
		}
		table(w, "  ", "", rows)
	}
	if len(r.Missing) > 0 {
		fmt.Fprintf(w, "\nno line has: %s\n", strings.Join(r.Missing, ", "))
	}
	if r.Mapping != nil {
		fmt.Fprintf(w, "\nno format knows these records; a mapping that may fit, for the configuration file:\n%s\n",
			strings.TrimRight(r.Config, "\n"))
	} else if r.Config != "" {
		fmt.Fprintf(w, "\nto pin it, in the configuration file:\n%s\n", strings.TrimRight(r.Config, "\n"))
	}
}

func formatsCommand() *cobra.Command {
	var out *answers
	c := &cobra.Command{
		Use:   "formats",
		Short: "List the supported log formats, with an example of each",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return out.print(cmd, func(to io.Writer) {
				st, most := newStyle(to), 164
				if width := widthOf(to); width > 0 {
					most = min(most, width)
				}
				for _, f := range knownFormats() {
					name := f.Name
					if f.Preset != "" {
						name += " --mapping " + f.Preset
					}
					fmt.Fprintf(to, "%s  %s\n    %s\n", st.bold.Render(name), f.Description,
						st.dim.Render(shorten(f.Example, most-4)))
				}
			}, nil, knownFormats())
		},
	}
	out = takeOutput(c, answer.List[decode.Format]("formats"), answer.JSON)
	return c
}

// knownFormats lists the formats, then the named mappings of format json.
func knownFormats() []decode.Format {
	all := decode.Formats()
	for _, p := range decode.Presets() {
		all = append(all, decode.Format{Name: "json", Preset: p.Name, Description: p.Description, Example: p.Example})
	}
	return all
}
