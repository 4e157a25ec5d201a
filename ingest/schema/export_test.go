package schema

import (
	"io/fs"
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

// Oldest is the migration that made the oldest databases.
func Oldest() fs.FS {
	const name = "migrations/0001_tables.sql"
	data, _ := fs.ReadFile(migrations, name)
	return fstest.MapFS{name: {Data: data}}
}

// Before are the migrations before the one that is named.
func Before(name string) fs.FS {
	files := fstest.MapFS{}
	entries, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, e := range entries {
		if e < "migrations/"+name {
			data, _ := fs.ReadFile(migrations, e)
			files[e] = &fstest.MapFile{Data: data}
		}
	}
	return files
}
