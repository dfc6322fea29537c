package tools

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

type listFilesArgs struct {
	Dir     string `json:"dir,omitempty" doc:"Only what is below this directory."`
	Pattern string `json:"pattern,omitempty" doc:"Only names that match, such as *.ts or src/*/index.ts."`
}

const listMax = 200

var listFiles = define("list-files",
	"List the repository's files.",
	func(ctx context.Context, b *Bench, args listFilesArgs) (agent.Result, error) {
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		files, err := t.Files()
		if err != nil {
			return agent.Result{}, fmt.Errorf("list files: %w", err)
		}
		found, err := matching(files, args.Dir, args.Pattern)
		if err != nil {
			return agent.Result{}, err
		}
		if len(found) == 0 {
			return agent.Result{}, mistakef("none of the %d files is below %q and matches %q", len(files), args.Dir, args.Pattern)
		}
		shown := found[:min(len(found), listMax)]
		text := strings.Join(shown, "\n")
		if n := len(found) - len(shown); n > 0 {
			text += fmt.Sprintf("\n[%d more; name a directory or a pattern]", n)
		}
		return agent.Result{Text: text, Facts: shown}, nil
	}).reading().needing(func(b *Bench) bool { return !b.seen.allFiles && !b.seen.allNames })

// matching returns the files below dir whose names match pattern.
func matching(files []string, dir, pattern string) ([]string, error) {
	dir = strings.Trim(strings.TrimPrefix(dir, "./"), "/")
	if dir == "." {
		dir = ""
	}
	pattern = strings.TrimPrefix(pattern, "**/")
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, mistakef("%q is not a pattern: use * and ? only", pattern)
	}
	var out []string
	for _, f := range files {
		if dir != "" && f != dir && !strings.HasPrefix(f, dir+"/") {
			continue
		}
		if pattern != "" {
			name := f
			if !strings.Contains(pattern, "/") {
				name = path.Base(f)
			}
			if ok, _ := path.Match(pattern, name); !ok {
				continue
			}
		}
		out = append(out, f)
	}
	return out, nil
}
