package dashboards

import "statline/dashboards/query"

// Kind is how a panel draws what its query returns.
type Kind string

// The kinds. Those over time take rows of a time, perhaps names, and values.
const (
	Lines   Kind = "lines"   // over time: each series a line
	Stacked Kind = "stacked" // over time: series that add up
	Heat    Kind = "heat"    // over time: how many in each bucket, named by its upper end
	Lanes   Kind = "lanes"   // over time: one lane a series, coloured by the limits
	Spark   Kind = "spark"   // over time: the last value, its course behind it
	Number  Kind = "number"  // each numeric column of one row
	Alarm   Kind = "alarm"   // a number on a coloured ground
	Bars    Kind = "bars"    // one bar a row: a name and a value
	Table   Kind = "table"
)

// Unit is the unit of a number.
type Unit string

// The units in which the queries answer.
const (
	None      Unit = "none"
	Count     Unit = "count"
	Share     Unit = "share"      // of 1
	PerSecond Unit = "requests/s" // of event time
	Records   Unit = "records/s"
	Micros    Unit = "microseconds"
	Seconds   Unit = "seconds"
	Duration  Unit = "duration" // in seconds, shown in the largest unit that fits
	Bytes     Unit = "bytes"
	Times     Unit = "times" // a multiple
	Moment    Unit = "moment"
)

// Panel is one picture: its query and how the answer is shown. In JSON, as the console's
// page gets it, it has no query.
type Panel struct {
	Kind       Kind       `json:"kind"`
	Title      string     `json:"title"`
	About      string     `json:"about"`
	Query      query.Text `json:"-"`
	Unit       Unit       `json:"unit"`
	BucketUnit Unit       `json:"bucketUnit,omitempty"` // of the buckets' names; kind Heat only
	Decimals   *int       `json:"decimals,omitempty"`   // nil: as many as fit
	Limits     []Step     `json:"limits,omitempty"`     // colours of the values; none: one calm colour
	Columns    []Column   `json:"columns,omitempty"`
	Empty      string     `json:"empty"`               // shown when there is no data
	MaxPoints  int        `json:"maxPoints,omitempty"` // over time: at most so many; 0 is as many as pixels
}

// Step colours values from From on, to the next step. The first step has no
// beginning.
type Step struct {
	From  float64 `json:"from"`
	Color string  `json:"color"`
}

// Column says how one column of the answer, or the series with that name, differs from
// its panel. Zero values change nothing.
type Column struct {
	Name     string            `json:"name"`
	As       string            `json:"as,omitempty"` // shown name
	Unit     Unit              `json:"unit,omitempty"`
	Width    int               `json:"width,omitempty"` // pixels
	Decimals *int              `json:"decimals,omitempty"`
	Limits   []Step            `json:"limits,omitempty"`
	Words    map[string]string `json:"words,omitempty"` // the colour of each word
	Color    string            `json:"color,omitempty"`
	Unfilled bool              `json:"unfilled,omitempty"` // a line without the area below it
	Dashed   bool              `json:"dashed,omitempty"`
	Wrapped  bool              `json:"-"`                // a table's text goes on in the next line, to be read whole
	Hidden   bool              `json:"hidden,omitempty"` // there for links only
	Link     *Link             `json:"link,omitempty"`
}
