package schema

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// MigrateFrom is migrate for tests outside the package.
var MigrateFrom = migrate

// WithMigration is the real migrations and one more.
func WithMigration(name, text string) fs.FS {
	files := fstest.MapFS{name: {Data: []byte(text)}}
	entries, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, e := range entries {
		data, _ := fs.ReadFile(migrations, e)
		files[e] = &fstest.MapFile{Data: data}
	}
	return files
}

// Statements is what Migrate runs.
func Statements(t *testing.T, o Options) []string { return rendered(t, o) }
