package config

// Local is what the commands with embedded servers keep, and where their
// engine is.
type Local struct{ Data, Engine string }

func localOptions(c *Config) []Option {
	return []Option{
		{Name: "data", Set: SetData, Type: "directory",
			Help:  "directory of the embedded store, broker and secret; empty: a temporary one",
			value: text{&c.Local.Data}},
		{Name: "engine", Set: SetEngine, Type: "file",
			Help:  "path of the engine library, libchdb (default: where make engine puts it)",
			value: text{&c.Local.Engine}},
	}
}
