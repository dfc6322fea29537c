package tools

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type readFileArgs struct {
	Files []fileRange `json:"files" doc:"Files or parts of them."`
	At    string      `json:"at,omitempty" doc:"As they were at this commit. green: when the checks passed last."`
}

type fileRange struct {
	Path string `json:"path"`
	From int    `json:"from,omitempty" doc:"The first line."`
	To   int    `json:"to,omitempty" doc:"The last line."`
}

const (
	readMax   = 24_000 // characters of one call
	readFiles = 12
)

var readFile = define("read-file",
	"Read files, with line numbers: up to 12 in one call, 24,000 characters together.",
	func(ctx context.Context, b *Bench, args readFileArgs) (agent.Result, error) {
		if len(args.Files) == 0 {
			return agent.Result{}, mistakef("files names no file")
		}
		later := args.Files[min(len(args.Files), readFiles):]
		args.Files = args.Files[:len(args.Files)-len(later)]
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		read, err := b.reader(ctx, t, args.At)
		if err != nil {
			return agent.Result{}, err
		}
		r := agent.Result{Limit: readMax + 4000}
		failed := 0
		var first error
		for _, f := range args.Files {
			text, fact, err := readRange(t, read, f, (readMax-len(r.Text))/max(len(args.Files)-len(r.Facts)-failed, 1))
			var m interface{ ForModel() string }
			switch {
			case errors.As(err, &m):
				failed++
				text, first = f.Path+": "+m.ForModel()+"\n", err
			case err != nil:
				return agent.Result{}, err
			default:
				r.Facts = append(r.Facts, fact)
			}
			r.Text += text
		}
		if failed == len(args.Files) && failed == 1 {
			return agent.Result{}, first
		}
		if len(later) > 0 {
			r.Text += fmt.Sprintf("[one call shows %d files; %d more from %s on: ask again]\n", readFiles, len(later), later[0].Path)
		}
		return r, nil
	}).reading().needing(func(b *Bench) bool { return !b.seen.allFiles || !b.Commands })

// reader reads the files of the tree as they are, or as they were at a commit.
func (b *Bench) reader(ctx context.Context, t *sandbox.Tree, at string) (func(string) (string, error), error) {
	if at == "" {
		return t.Read, nil
	}
	hash, err := b.commit(ctx, t, at)
	if err != nil {
		return nil, err
	}
	return func(name string) (string, error) { return t.ReadAt(hash, name) }, nil
}

// readRange shows one range of one file in at most room characters.
func readRange(t *sandbox.Tree, read func(string) (string, error), f fileRange, room int) (text, fact string, _ error) {
	name := strings.TrimPrefix(f.Path, "./")
	data, err := read(name)
	if err != nil {
		return "", "", nearby(t, name, err)
	}
	if strings.ContainsRune(data[:min(len(data), 8000)], 0) {
		return "", "", mistakef("%s is no text", name)
	}
	all := lines(data)
	from, to := max(f.From, 1), f.To
	if to <= 0 || to > len(all) {
		to = len(all)
	}
	if len(all) == 0 {
		return name + " is empty\n", name, nil
	}
	if from > to {
		return "", "", mistakef("%s has %d lines: lines %d to %d are none of them", name, len(all), f.From, f.To)
	}
	end, size := from-1, 0
	for end < to && (size < room || end < from) {
		size += min(len(all[end]), maxLine) + 8
		end++
	}
	text = fmt.Sprintf("%s, lines %d to %d of %d\n%s", name, from, end, len(all), numbered(all[from-1:end], from))
	if end < to {
		text += fmt.Sprintf("[cut here; read from line %d for more]\n", end+1)
	}
	return text, fmt.Sprintf("%s:%d-%d", name, from, end), nil
}

// nearby adds to an error about a missing file which files of that name there are.
func nearby(t *sandbox.Tree, name string, err error) error {
	if t.Has(name) {
		return err
	}
	files, listErr := t.Files()
	if listErr != nil {
		return err
	}
	var like []string
	for _, f := range files {
		if len(like) < 5 && strings.EqualFold(path.Base(f), path.Base(name)) && !bulk.MatchString(f) {
			like = append(like, f)
		}
	}
	var m interface{ ForModel() string }
	if len(like) == 0 || !errors.As(err, &m) {
		return err
	}
	return mistakef("%s. There is %s", m.ForModel(), strings.Join(like, ", "))
}
