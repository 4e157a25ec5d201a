package watch

import "strings"

// slackMessage is what an incoming webhook of Slack takes.
type slackMessage struct {
	Text   string       `json:"text"` // of the notification
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type string     `json:"type"`
	Text *slackText `json:"text"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Slack refuses a section of more than 3,000 characters.
const slackLimit = 2900

func slack(n *Notice) slackMessage {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	text := "*" + escape(n.headline()) + "*\n" + escape(cut(n.Summary, slackLimit/4))
	if n.Link != "" {
		text += "\n<" + escape(n.Link) + "|" + escape(n.ID) + ">"
	}
	m := slackMessage{Text: escape(n.headline()), Blocks: []slackBlock{{Type: "section",
		Text: &slackText{Type: "mrkdwn", Text: text}}}}
	for i := range n.Tickets { // fewer than the fifty blocks that Slack takes
		m.Blocks = append(m.Blocks, slack(&n.Tickets[i]).Blocks...)
	}
	return m
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
