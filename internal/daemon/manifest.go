package daemon

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// A Manifest is what the kernel reads to learn of this plugin; see docs/kernel.md.
type Manifest struct {
	Name          string                   `json:"name"`
	ShortName     string                   `json:"short_name"` // owner/repo@ref
	Description   string                   `json:"description"`
	Listeners     []string                 `json:"ubiquity:listeners"`
	Commands      map[string]CommandSchema `json:"commands"`
	Configuration *jsonschema.Schema       `json:"configuration"`
	SkipBotEvents bool                     `json:"skipBotEvents"` // false: failed runs have a bot as sender
	HomepageURL   string                   `json:"homepage_url,omitempty"`
}

// A CommandSchema describes one slash command to the kernel. With exactly one parameter the kernel passes on
// the whole rest of the comment; with none or two it drops it.
type CommandSchema struct {
	Description string             `json:"description"`
	Example     string             `json:"ubiquity:example"`
	Parameters  *jsonschema.Schema `json:"parameters"`
}

// NewManifest returns the manifest for a daemon that runs as shortName ("owner/repo@ref") and, if it is
// served over HTTP, under homepage.
func NewManifest(shortName, homepage string) Manifest {
	action := jsonschema.NewProperties()
	action.Set("action", &jsonschema.Schema{Type: "string", Description: "What to do, such as retry with a hint; help lists the rest."})
	return Manifest{
		Name:        "Daemon Hotfix",
		ShortName:   shortName,
		Description: "Keeps one issue per plugin failure and proposes proven fixes as draft pull requests.",
		// issue_comment.created is left out on purpose: commands arrive without it, and with it they would arrive twice.
		Listeners: []string{"kernel.plugin_error", "workflow_run.completed", "check_run.completed", "check_suite.completed"},
		Commands: map[string]CommandSchema{"hotfix": {
			Description: "Steer the problem that this issue is about: have a fix attempted or stopped, ignore or snooze it, or ask how it stands.",
			Example:     "/hotfix retry",
			Parameters:  &jsonschema.Schema{Type: "object", Properties: action},
		}},
		Configuration: settingsSchema(),
		HomepageURL:   homepage,
	}
}

// JSON returns the manifest as the file manifest.json holds it.
func (m Manifest) JSON() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("manifest: %v", err)) // it holds strings and a schema of our own struct
	}
	return append(b, '\n')
}

func settingsSchema() *jsonschema.Schema {
	r := jsonschema.Reflector{ExpandedStruct: true, DoNotReference: true, AllowAdditionalProperties: true, Anonymous: true}
	s := r.Reflect(Settings{})
	s.Version = "http://json-schema.org/draft-07/schema#" // the draft that the kernel validates with
	return s
}
