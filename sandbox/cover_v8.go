package sandbox

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// v8Script is a script in what Node writes where NODE_V8_COVERAGE says.
type v8Script struct {
	URL       string `json:"url"`
	Functions []struct {
		Ranges []v8Range `json:"ranges"` // the first is the function, the others blocks in it
	} `json:"functions"`
}

// A v8Range is a part of a script, in units of UTF-16, and how often it was run.
type v8Range struct {
	Start int `json:"startOffset"`
	End   int `json:"endOffset"`
	Count int `json:"count"`
}

// asWritten are scripts that run as they stand in the tree. Others were translated, so that places in them mean nothing.
var asWritten = regexp.MustCompile(`\.[cm]?js$`)

// readV8 reads reports that stand one after the other: a line was run unless a part that was not covers all of it.
func readV8(report string, read func(name string) (string, error), lines ran) {
	dec := json.NewDecoder(strings.NewReader(report))
	for {
		var one struct{ Result []v8Script }
		if dec.Decode(&one) != nil {
			return
		}
		for _, s := range one.Result {
			name, ours := strings.CutPrefix(s.URL, "file://"+boot.TreeDir+"/")
			if !ours || strings.Contains(name, "node_modules/") || !asWritten.MatchString(name) {
				continue
			}
			if text, err := read(name); err == nil {
				s.into(lines, name, text)
			}
		}
	}
}

// into notes the lines of text. Parts come from the outside in, so that the last that holds a line says how often it ran.
func (s v8Script) into(lines ran, name, text string) {
	at := 0
	for i, line := range strings.SplitAfter(text, "\n") {
		code := strings.TrimSpace(line)
		from := at + len(utf16.Encode([]rune(line[:strings.Index(line, code)])))
		to := from + len(utf16.Encode([]rune(code)))
		at += len(utf16.Encode([]rune(line)))
		if code == "" {
			continue
		}
		count, size := 1, at+1<<30
		for _, f := range s.Functions {
			for _, r := range f.Ranges {
				if r.Start <= from && to <= r.End && r.End-r.Start <= size {
					count, size = r.Count, r.End-r.Start
				}
			}
		}
		lines.add(name, i+1, count > 0)
	}
}
