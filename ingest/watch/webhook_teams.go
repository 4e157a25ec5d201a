package watch

// teamsMessage is what a workflow webhook of Microsoft Teams takes: an adaptive
// card.
type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	Content     teamsCard `json:"content"`
}

type teamsCard struct {
	Schema  string        `json:"$schema"`
	Type    string        `json:"type"`
	Version string        `json:"version"`
	Body    []teamsBlock  `json:"body"`
	Actions []teamsAction `json:"actions,omitempty"`
}

type teamsBlock struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Wrap   bool   `json:"wrap"`
}

type teamsAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

func teams(n *Notice) teamsMessage {
	card := teamsCard{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		Body: []teamsBlock{
			{Type: "TextBlock", Text: n.headline(), Weight: "Bolder", Wrap: true},
			{Type: "TextBlock", Text: n.Summary, Wrap: true},
		},
	}
	for i := range n.Tickets {
		card.Body = append(card.Body, teamsBlock{Type: "TextBlock", Text: n.Tickets[i].headline() + ": " +
			n.Tickets[i].Summary, Wrap: true})
	}
	if n.Link != "" {
		card.Actions = []teamsAction{{Type: "Action.OpenUrl", Title: n.ID, URL: n.Link}}
	}
	return teamsMessage{
		Type:        "message",
		Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: card}},
	}
}
