package config

// Local is what the commands with embedded servers keep, and where their
// engine is.
type Local struct{ Data, Engine string }

func localOptions(c *Config) []Option {
	return []Option{
		{Name: "data", Set: SetData, Type: "directory",
			Help:  "where the embedded store, broker and secret are kept; a temporary directory when empty",
			value: text{&c.Local.Data}},
		{Name: "engine", Set: SetEngine, Type: "file",
			Help:  "engine library libchdb (default: where make engine puts it)",
			value: text{&c.Local.Engine}},
	}
}
