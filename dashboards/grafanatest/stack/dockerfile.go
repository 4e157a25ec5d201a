package stack

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Image is what a Dockerfile makes.
type Image struct {
	Root       string   // holds the files that COPY --from=build took
	User       string   // of the last stage
	Entrypoint []string // with CMD's default in Command
	Command    []string
}

// Build follows a Dockerfile of two stages: the first one's COPY and RUN lines
// in a directory of its own under work, the last one's COPY, USER, ENTRYPOINT
// and CMD. FROM lines name images that are not there; EXPOSE says nothing to
// do. Any other instruction is an error.
func Build(ctx context.Context, source, work string) (*Image, error) {
	f, err := os.Open(filepath.Join(source, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := &builder{source: source, build: filepath.Join(work, "build"),
		image: &Image{Root: filepath.Join(work, "image")}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if err := b.instruction(ctx, word, strings.TrimSpace(rest)); err != nil {
			return nil, fmt.Errorf("Dockerfile, line %d, %s: %w", n, line, err)
		}
	}
	return b.image, lines.Err()
}

type builder struct {
	source, build string
	stages        int
	workdir       string
	args          []string
	image         *Image
}

func (b *builder) instruction(ctx context.Context, word, rest string) error {
	switch word {
	case "FROM":
		b.stages++
		return nil
	case "WORKDIR":
		b.workdir = rest
		return os.MkdirAll(filepath.Join(b.build, rest), 0o755)
	case "ARG":
		b.args = append(b.args, rest)
		return nil
	case "COPY":
		return b.copy(strings.Fields(rest))
	case "RUN":
		c := exec.CommandContext(ctx, "sh", "-c", rest)
		c.Dir = filepath.Join(b.build, b.workdir)
		c.Env = append(os.Environ(), b.args...)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	case "USER":
		b.image.User = rest
		return nil
	case "ENTRYPOINT":
		return list(rest, &b.image.Entrypoint)
	case "CMD":
		return list(rest, &b.image.Command)
	case "EXPOSE":
		return nil
	}
	return fmt.Errorf("this instruction is not known here")
}

// list reads the JSON form of a command.
func list(text string, to *[]string) error {
	if !strings.HasPrefix(text, "[") || !strings.HasSuffix(text, "]") {
		return fmt.Errorf("got %s; want the form [\"a\", \"b\"]", text)
	}
	*to = nil
	for _, word := range strings.Split(text[1:len(text)-1], ",") {
		*to = append(*to, strings.Trim(strings.TrimSpace(word), `"`))
	}
	return nil
}

func (b *builder) copy(words []string) error {
	to := words[len(words)-1]
	from := words[:len(words)-1]
	if strings.HasPrefix(from[0], "--from=") {
		return copyFile(filepath.Join(b.build, from[1]), filepath.Join(b.image.Root, to))
	}
	into := filepath.Join(b.build, b.workdir)
	ignored, err := readIgnore(b.source)
	if err != nil {
		return err
	}
	for _, name := range from {
		if name != "." {
			if err := copyFile(filepath.Join(b.source, name), filepath.Join(into, name)); err != nil {
				return err
			}
			continue
		}
		if err := copyContext(b.source, into, ignored); err != nil {
			return err
		}
	}
	return nil
}

// readIgnore reads .dockerignore as far as this project uses it: "*" first,
// then the names that are kept, then paths and **/names that are not.
func readIgnore(source string) (func(rel string) bool, error) {
	raw, err := os.ReadFile(filepath.Join(source, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	keep, drop, anywhere := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, line := range strings.Fields(string(raw)) {
		switch {
		case line == "*":
		case strings.HasPrefix(line, "!"):
			keep[line[1:]] = true
		case strings.HasPrefix(line, "**/"):
			anywhere[line[3:]] = true
		default:
			drop[line] = true
		}
	}
	return func(rel string) bool {
		top, _, _ := strings.Cut(rel, "/")
		return !keep[top] || drop[rel] || anywhere[filepath.Base(rel)]
	}, nil
}

func copyContext(source, into string, ignored func(rel string) bool) error {
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == source {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if ignored(filepath.ToSlash(rel)) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(into, rel), 0o755)
		}
		return copyFile(path, filepath.Join(into, rel))
	})
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, info.Mode().Perm())
}
