package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
)

// answers is the flag --output of a command that prints rows.
type answers struct {
	shape answer.Shape
	form  answer.Form
	short answer.Form // what --json is short for
	by    string
}

// takeOutput gives a command the flags that choose the form of its answer. short is
// the form that --json stands for; "" gives it no --json.
func takeOutput(c *cobra.Command, shape answer.Shape, short answer.Form) *answers {
	a := &answers{shape: shape, form: answer.Table, short: short}
	c.Flags().VarP(a, "output", "o", "how the answer is written; statline output describes it")
	if short != "" {
		f := c.Flags().VarPF(shortForm{a, short}, "json", "", "short for --output "+string(short))
		f.NoOptDefVal = "true"
	}
	if names := shape.Names(); len(names) > 1 {
		c.Flags().Var(choiceValue{&a.by, names}, "by",
			"what a row is of, for ndjson, csv and md (default: "+names[0]+")")
	}
	return a
}

func (a *answers) Set(s string) error {
	if !slices.Contains(answer.Forms(), s) {
		return fmt.Errorf("got %q; want one of %s", s, strings.Join(answer.Forms(), ", "))
	}
	a.form = answer.Form(s)
	return nil
}

func (a *answers) String() string { return string(a.form) }
func (a *answers) Type() string   { return strings.Join(answer.Forms(), "|") }

// forPeople reports that a table is wanted.
func (a *answers) forPeople() bool { return a.form == answer.Table }

// print writes an answer. people is called for the form for people; whole and rows are
// for the others, as in the shape.
func (a *answers) print(cmd *cobra.Command, people func(io.Writer), whole any, rows ...any) error {
	if a.forPeople() {
		readable(cmd.OutOrStdout(), people)
		return nil
	}
	return a.shape.Write(cmd.OutOrStdout(), a.form, a.by, whole, rows...)
}

// shortForm is --json.
type shortForm struct {
	of   *answers
	form answer.Form
}

func (s shortForm) Set(text string) error {
	switch text {
	case "true":
		return s.of.Set(string(s.form))
	case "false":
		return s.of.Set(string(answer.Table))
	}
	return fmt.Errorf("got %q; want true or false", text)
}

func (s shortForm) String() string { return "false" }
func (s shortForm) Type() string   { return "bool" }

// asksForJSON reports whether the arguments ask for JSON, so that an error in them is
// printed as JSON too.
func asksForJSON(args []string) bool {
	for i, arg := range args {
		value, ok := strings.CutPrefix(arg, "--output=")
		if !ok {
			value, ok = strings.CutPrefix(arg, "-o")
		}
		switch {
		case arg == "--":
			return false
		case arg == "--json", arg == "--json=true":
			return true
		case arg == "--output", arg == "-o":
			if i+1 < len(args) {
				value, ok = args[i+1], true
			}
		}
		if value = strings.TrimPrefix(value, "="); ok &&
			(value == string(answer.JSON) || value == string(answer.Lines)) {
			return true
		}
	}
	return false
}
