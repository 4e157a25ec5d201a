package console

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// writeCSV writes an answer as CSV, times in RFC 3339. A text that a spreadsheet would
// take for a formula gets an apostrophe in front, because anybody can choose paths and
// user agents.
func writeCSV(w io.Writer, a *answer) error {
	out := csv.NewWriter(w)
	line := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		line[i] = c.Name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for n := range a.Rows {
		for i, c := range a.Columns {
			line[i] = csvValue(c.Type, c.Values[n])
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvValue(kind string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		if kind == "time" {
			return time.Unix(v, 0).UTC().Format(time.RFC3339)
		}
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		if strings.HasPrefix(strings.TrimLeft(v, " \t\r\n"), "=") || v != "" &&
			strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			return "'" + v
		}
		return v
	}
	return fmt.Sprint(v)
}
