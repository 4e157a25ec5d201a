package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inputFiles returns the files that the arguments of analyze name: files, directories
// with everything in them, and patterns such as 'logs/*.gz' that the shell did not
// expand. Files whose names begin with a dot are skipped. An argument that names
// nothing is returned as it is: opening it tells what is wrong.
func inputFiles(args []string) ([]string, error) {
	var all []string
	add := func(path string) {
		if !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	for _, arg := range args {
		st, err := os.Stat(arg)
		switch {
		case arg == "-" || err == nil && !st.IsDir():
			add(arg)
		case err == nil:
			found, err := filesBelow(arg)
			if err != nil {
				return nil, fmt.Errorf("read directory %s: %w", arg, err)
			}
			for _, path := range found {
				add(path)
			}
		case strings.ContainsAny(arg, "*?["):
			found, err := filepath.Glob(arg)
			if err != nil {
				return nil, usage("%s: %v", arg, err)
			}
			for _, path := range found {
				add(path)
			}
		default:
			add(arg)
		}
	}
	return all, nil
}

// filesBelow lists the files in a directory and below it, by name.
func filesBelow(dir string) (all []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != dir && strings.HasPrefix(d.Name(), ".") && d.IsDir():
			return filepath.SkipDir
		case d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "."):
			all = append(all, path)
		}
		return nil
	})
	return all, err
}
