// Package evals runs the daemon, as it is in production, against fixtures and says how well it did.
package evals

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Fixture is one story with its repository, what the model answered when it was recorded, and what should come of
// it. It is a txtar file, or a folder that holds the same parts as files:
//
//	prose                what it is about, and why the right answer is right (README.md in a folder)
//	event.json           the payload of kernel.plugin_error; events/NAME.json are further ones
//	story                what happens, one step a line (optional; see Step); by default event.json is sent once
//	world.json           what differs from a plain world (optional; see World)
//	settings.json        the installation's settings (optional)
//	repo/...             the plugin's repository
//	history/N/...        its earlier commits, oldest first: what each changed; "-x" was removed (optional)
//	repo.bundle          or else its history as a git bundle, in a folder only
//	model.jsonl          the recorded transcript (absent when the model must not be asked)
//	shell.jsonl          a recorded transcript of the shell loop, for comparison (optional; see RunShell)
//	judge/...            the judge's own tests, put over the proposed branch; the model never sees them
//	want/outcome         one line a case; see Wanted
//	want/fail-to-pass    names of tests that a fix must make pass, one a line; without it, all of the judge's must pass
//	want/pass-to-pass    names of tests that passed before and still must
//	want/issue.md ...    golden texts: issue.md, pr.md, patch.diff; what is not there is not compared
//
// Events and files may hold {{secret "KIND"}}, {{trap}}, {{n}}, {{at}}, {{id "NAME"}} and {{commit "N"}}; see fill.
type Fixture struct {
	Name     string
	Path     string
	Prose    string
	Events   map[string]string
	Story    []Step
	World    World
	Settings string
	Repo     hotfix.Repo
	Files    map[string]string
	History  map[string]map[string]string
	Bundle   string // path of repo.bundle, "" if there is none
	Judge    map[string]string
	Model    []byte
	Shell    []byte
	Want     map[string]string

	wanted  []Wanted
	archive *txtar.Archive
}

// A World is what differs from a plain one: one public repository, nobody but its owner, no faults.
type World struct {
	Allow    []string          `json:"allow,omitempty"`  // repositories that may be written to; default: the fixture's own
	Repos    []string          `json:"repos,omitempty"`  // further repositories on the forge
	People   map[string]string `json:"people,omitempty"` // logins and their permission in the fixture's repository
	NoFix    string            `json:"noFix,omitempty"`  // why the operator allows no fixes
	MaxRisk  string            `json:"maxRisk,omitempty"`
	PerDay   int               `json:"fixesPerDay,omitempty"` // default 3
	Steps    int               `json:"steps,omitempty"`       // of the model, default 40
	Breaker  *Breaking         `json:"breaker,omitempty"`
	Fallback string            `json:"fallback,omitempty"`  // repository for problems whose own is unknown
	Sources  map[string]string `json:"sources,omitempty"`   // plugin URL to repository
	ReadOnly bool              `json:"readOnly,omitempty"`  // the delivery's credential may write nothing
	Runs     []CIRun           `json:"runs,omitempty"`      // workflow runs on the forge
	Forbid   []string          `json:"forbid,omitempty"`    // expressions that nothing published may match
	Counts   bool              `json:"countRuns,omitempty"` // each command in the sandbox finds its number in $RUN
	Kind     string            `json:"kind,omitempty"`      // what kind of failure it is, for the report
}

// Breaking is the breaker's bounds in a world.
type Breaking struct {
	PerHour int `json:"perHour,omitempty"`
	PerDay  int `json:"perDay,omitempty"`
	Overall int `json:"overall,omitempty"`
}

// A CIRun is a failed workflow run with one job.
type CIRun struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Branch string `json:"branch"`
	Job    string `json:"job"`
	Log    string `json:"log"` // "" for logs that are gone
}

// Load reads a fixture from a txtar file or from a folder.
func Load(path string) (*Fixture, error) {
	f := &Fixture{
		Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), Path: path, Settings: "{}", Events: map[string]string{}, Files: map[string]string{},
		History: map[string]map[string]string{}, Judge: map[string]string{}, Want: map[string]string{},
	}
	var err error
	if in, statErr := os.Stat(path); statErr == nil && in.IsDir() {
		f.archive, err = f.readFolder()
	} else {
		f.archive, err = txtar.ParseFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("fixture %s: %w", f.Name, err)
	}
	f.Prose = strings.TrimSpace(string(f.archive.Comment))
	for _, part := range f.archive.Files {
		if err := f.take(part.Name, part.Data); err != nil {
			return nil, fmt.Errorf("fixture %s: %s: %w", f.Name, part.Name, err)
		}
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("fixture %s: %w", f.Name, err)
	}
	return f, nil
}

// readFolder reads a folder as if it were an archive.
func (f *Fixture) readFolder() (*txtar.Archive, error) {
	a := &txtar.Archive{}
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name == "repo.bundle" {
			f.Bundle, err = filepath.Abs(filepath.Join(f.Path, name))
			return err
		}
		text, err := root.ReadFile(name)
		if name == "README.md" {
			a.Comment = text
		} else {
			a.Files = append(a.Files, txtar.File{Name: name, Data: text})
		}
		return err
	})
	return a, err
}

// take reads one part.
func (f *Fixture) take(name string, text []byte) (err error) {
	dir, rest, _ := strings.Cut(name, "/")
	switch {
	case name == "event.json":
		f.Events["event"] = string(text)
	case dir == "events":
		f.Events[strings.TrimSuffix(rest, ".json")] = string(text)
	case name == "story":
		f.Story, err = parseStory(string(text))
	case name == "world.json":
		err = strict(text, &f.World)
	case name == "settings.json":
		f.Settings = strings.TrimSpace(string(text))
	case name == "model.jsonl":
		f.Model = text
	case name == "shell.jsonl":
		f.Shell = text
	case dir == "repo":
		f.Files[rest] = string(text)
	case dir == "history":
		n, path, _ := strings.Cut(rest, "/")
		if f.History[n] == nil {
			f.History[n] = map[string]string{}
		}
		f.History[n][path] = string(text)
	case dir == "judge":
		f.Judge[rest] = string(text)
	case name == "want/outcome":
		f.wanted, err = parseWanted(string(text))
		f.Want[rest] = string(text)
	case dir == "want":
		f.Want[rest] = string(text)
	default:
		err = fmt.Errorf("a fixture has no such part")
	}
	return err
}

// strict decodes JSON whose members are all known.
func strict(text []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// check completes the fixture and says what is missing.
func (f *Fixture) check() error {
	if f.Story == nil {
		f.Story = []Step{{Verb: "send", Args: []string{"event"}, Times: 1}}
	}
	for _, s := range f.Story {
		if s.Verb == "send" && f.Events[s.Args[0]] == "" {
			return fmt.Errorf("the story sends %s, and there is no such event", s.Args[0])
		}
	}
	first, err := f.firstEvent()
	if err != nil {
		return err
	}
	f.Repo = first
	switch {
	case len(f.wanted) == 0:
		return fmt.Errorf("want/outcome says nothing")
	case len(f.Files) == 0 && f.Bundle == "":
		return fmt.Errorf("there is no file under repo/, and no repo.bundle")
	}
	return nil
}

// firstEvent finds the repository that the story is about.
func (f *Fixture) firstEvent() (hotfix.Repo, error) {
	var repo hotfix.Repo
	for _, s := range f.Story {
		if s.Verb != "send" {
			continue
		}
		var event struct {
			Plugin     struct{ Owner, Repo string }
			Repository struct {
				Name  string
				Owner struct{ Login string }
			}
		}
		text, err := (&filler{seed: f.Name, at: defaultStart, n: 1}).fill(f.Events[s.Args[0]])
		if err != nil {
			return repo, err
		}
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			return repo, fmt.Errorf("event %s: %w", s.Args[0], err)
		}
		repo = hotfix.Repo{Owner: event.Plugin.Owner, Name: event.Plugin.Repo}
		if repo.IsZero() {
			repo = hotfix.Repo{Owner: event.Repository.Owner.Login, Name: event.Repository.Name}
		}
		if !repo.IsZero() {
			return repo, nil
		}
	}
	return repo, fmt.Errorf("no event names plugin.owner and plugin.repo, or a repository")
}

// Set replaces a part of the fixture, or adds it, and saves the file.
func (f *Fixture) Set(name string, text []byte) error {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	if in, err := os.Stat(f.Path); err == nil && in.IsDir() {
		file := filepath.Join(f.Path, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, text, 0o644)
	}
	at := slices.IndexFunc(f.archive.Files, func(p txtar.File) bool { return p.Name == name })
	if at < 0 {
		at = len(f.archive.Files)
		f.archive.Files = append(f.archive.Files, txtar.File{Name: name})
	}
	f.archive.Files[at].Data = text
	return os.WriteFile(f.Path, txtar.Format(f.archive), 0o644)
}

// Digest names the fixture as it is: results of another one do not count for it.
func (f *Fixture) Digest() string {
	h := sha256.New()
	h.Write(txtar.Format(f.archive))
	if f.Bundle != "" {
		text, err := os.ReadFile(f.Bundle)
		fmt.Fprint(h, err)
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// All loads the fixtures in dir whose names contain one of the words in filter, which are separated by commas.
func All(dir, filter string) ([]*Fixture, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("fixtures: %w", err)
	}
	var out []*Fixture
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".txtar")
		if !e.IsDir() && name == e.Name() || !matches(name, filter) {
			continue
		}
		f, err := Load(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no fixture in %s matches %q", dir, filter)
	}
	return out, nil
}

func matches(name, filter string) bool {
	return slices.ContainsFunc(strings.Split(filter, ","), func(word string) bool { return strings.Contains(name, strings.TrimSpace(word)) })
}
