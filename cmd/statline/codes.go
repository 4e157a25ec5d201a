package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/cmd/statline/answer"
)

func codesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "codes [N]",
		Short: "List the API's status codes, or explain one",
		Example: `  statline codes
  statline codes 25`,
		Args: cobra.MaximumNArgs(1),
	}
	c.AddCommand(codesSuggestCommand())
	settings := takeSettings(c, "codes")
	answers := takeOutput(c, answer.List[statusCode]("codes"), answer.JSON)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		catalogue, err := settings.Lines.Catalogue()
		if err != nil {
			return err
		}
		entries := catalogue.Entries()
		if len(args) == 1 {
			e, err := lookUp(catalogue, args[0])
			if err != nil {
				return err
			}
			entries = []classify.Entry{e}
		}
		return answers.print(cmd, func(to io.Writer) {
			if len(args) == 1 {
				explain(to, entries[0])
			} else {
				printCodes(to, entries)
			}
		}, nil, statusCodes(entries))
	}
	return c
}

// statusCode is an entry of the catalogue.
type statusCode struct {
	Code         *uint16  `json:"code" help:"the API's number, null where a name or the message tells"`
	Name         string   `json:"name"`
	HTTPStatuses []int16  `json:"http_statuses" help:"empty: any"`
	Outcome      string   `json:"outcome"`
	Message      string   `json:"message"`
	AlsoMessages []string `json:"also_messages"`
	Hint         string   `json:"hint"`
	Later        bool     `json:"later" help:"added after the first documentation"`
}

func statusCodes(entries []classify.Entry) []statusCode {
	all := make([]statusCode, len(entries))
	for i, e := range entries {
		all[i] = statusCode{Name: e.Name, Outcome: e.Outcome.String(), Message: e.Message, AlsoMessages: e.AlsoMessages,
			Hint: e.Hint, Later: e.Later}
		if e.Code != 0 {
			all[i].Code = &e.Code
		}
		if e.HTTPStatus != 0 {
			all[i].HTTPStatuses = append([]int16{e.HTTPStatus}, e.AlsoStatus...)
		}
	}
	return all
}

func printCodes(out io.Writer, entries []classify.Entry) {
	rows := [][]string{{"code", "HTTP", "outcome", "message"}}
	for _, e := range entries {
		message := e.Message
		if e.Later {
			message += "  (later)"
		}
		rows = append(rows, []string{e.Label(), statusesOf(e), e.Outcome.String(), message})
		for _, also := range e.AlsoMessages {
			rows = append(rows, []string{"", "", "", "or " + also})
		}
	}
	table(out, "", "rr", rows)
}

// lookUp finds an entry by its number or its name.
func lookUp(catalogue *classify.Catalogue, label string) (classify.Entry, error) {
	all := catalogue.Entries()
	for _, e := range all {
		if e.Label() == label {
			return e, nil
		}
	}
	return classify.Entry{}, usage("codes: %s is not in the catalogue; statline codes lists the %d that are", label,
		len(all))
}

// statusesOf lists the HTTP statuses of an entry, the first documented one
// first.
func statusesOf(e classify.Entry) string {
	if e.HTTPStatus == 0 {
		return "any"
	}
	text := strconv.Itoa(int(e.HTTPStatus))
	for _, s := range e.AlsoStatus {
		text += ", " + strconv.Itoa(int(s))
	}
	return text
}

// explain prints one entry.
func explain(out io.Writer, e classify.Entry) {
	st := newStyle(out)
	label := e.Label()
	if e.Code != 0 {
		label = "code " + label
	}
	fmt.Fprintf(out, "%s  HTTP %s  %s\n%s\n", st.bold.Render(label), statusesOf(e),
		st.outcome(e.Outcome.String()).Render(e.Outcome.String()), e.Message)
	for _, also := range e.AlsoMessages {
		fmt.Fprintf(out, "or %s\n", also)
	}
	if e.Later {
		fmt.Fprintln(out, "(added after the first documentation)")
	}
	if e.Hint != "" {
		fmt.Fprintf(out, "\n%s\n", e.Hint)
	}
}
