// Package evals runs the daemon, as it is in production, against fixtures and says how well it did.
package evals

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Fixture is one failure with its repository, what the model answered when it was recorded, and what should
// come of it. It is a txtar file:
//
//	prose                what it is about, and why the right answer is right
//	event.json           the payload of kernel.plugin_error
//	settings.json        the installation's settings (optional)
//	repo/...             the plugin's repository
//	history/...          what files looked like one commit before (optional; an empty file did not exist)
//	model.jsonl          the recorded transcript (absent when the model must not be asked)
//	judge/...            the judge's own tests, put over the proposed branch; the model never sees them
//	want/outcome         "ACTION ENDING": what was decided and how the attempt ended ("-" for none)
//	want/issue.md ...    golden texts: issue.md, pr.md, patch.diff
type Fixture struct {
	Name     string
	Path     string
	Prose    string
	Event    json.RawMessage
	Settings string
	Repo     hotfix.Repo
	Files    map[string]string
	History  map[string]string
	Judge    map[string]string
	Model    []byte
	Want     map[string]string

	archive *txtar.Archive
}

// Load reads the fixture in file.
func Load(file string) (*Fixture, error) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("fixture: %w", err)
	}
	f := &Fixture{
		Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), Path: file, Prose: strings.TrimSpace(string(a.Comment)),
		Settings: "{}", Files: map[string]string{}, History: map[string]string{}, Judge: map[string]string{}, Want: map[string]string{}, archive: a,
	}
	for _, part := range a.Files {
		dir, name, _ := strings.Cut(part.Name, "/")
		switch {
		case part.Name == "event.json":
			f.Event = part.Data
		case part.Name == "settings.json":
			f.Settings = strings.TrimSpace(string(part.Data))
		case part.Name == "model.jsonl":
			f.Model = part.Data
		case dir == "repo":
			f.Files[name] = string(part.Data)
		case dir == "history":
			f.History[name] = string(part.Data)
		case dir == "judge":
			f.Judge[name] = string(part.Data)
		case dir == "want":
			f.Want[name] = string(part.Data)
		default:
			return nil, fmt.Errorf("fixture %s: unknown part %q", f.Name, part.Name)
		}
	}
	return f, f.check()
}

func (f *Fixture) check() error {
	var event struct {
		Plugin struct{ Owner, Repo string }
	}
	if err := json.Unmarshal(f.Event, &event); err != nil {
		return fmt.Errorf("fixture %s: event.json: %w", f.Name, err)
	}
	f.Repo = hotfix.Repo{Owner: event.Plugin.Owner, Name: event.Plugin.Repo}
	switch {
	case f.Repo.IsZero():
		return fmt.Errorf("fixture %s: event.json names no plugin.owner and plugin.repo", f.Name)
	case len(f.Files) == 0:
		return fmt.Errorf("fixture %s: there is no file under repo/", f.Name)
	}
	return nil
}

// Set replaces a part of the fixture, or adds it, and saves the file.
func (f *Fixture) Set(name string, data []byte) error {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	found := false
	for i := range f.archive.Files {
		if f.archive.Files[i].Name == name {
			f.archive.Files[i].Data, found = data, true
		}
	}
	if !found {
		f.archive.Files = append(f.archive.Files, txtar.File{Name: name, Data: data})
	}
	return os.WriteFile(f.Path, txtar.Format(f.archive), 0o644)
}

// All loads the fixtures in dir whose names contain filter.
func All(dir, filter string) ([]*Fixture, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var out []*Fixture
	for _, file := range files {
		if !strings.Contains(filepath.Base(file), filter) {
			continue
		}
		f, err := Load(file)
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
