// Package capsule is one failure in a file: redacted, small, and enough to see again what the daemon makes of it,
// on another machine, without GitHub and without a store.
package capsule

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// Version is of the format. A capsule of another version is refused.
const Version = 1

// sizeMax bounds what Read takes in.
const sizeMax = 4 << 20

// excerptMax bounds a capsule's excerpt, in bytes.
const excerptMax = 6000

// A Capsule is one failure and what is needed to show it again.
type Capsule struct {
	Version     int                `json:"version"`
	ID          string             `json:"id"` // "sha256:" and the digest of everything else
	Fingerprint hotfix.Fingerprint `json:"fingerprint"`
	Repo        hotfix.Repo        `json:"repo"`
	Event       string             `json:"event"` // as the kernel names it, "kernel.plugin_error"
	Failure     hotfix.Failure     `json:"failure"`
	Excerpt     redact.Text        `json:"excerpt"` // what the logs say about it
	Seen        Seen               `json:"seen"`
	Base        string             `json:"base"`    // commit that shows the failure, "" if it is not known
	Command     string             `json:"command"` // that shows it in the source, "" if none is known
	Run         string             `json:"run"`     // name of the latest attempt's transcript, "" if none was made
	Settings    json.RawMessage    `json:"settings,omitempty"`
}

// Seen is how often the problem was seen when the capsule was made.
type Seen struct {
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Of makes a capsule of a case's latest failure. n is the notice that brought it; it may be zero.
func Of(c hotfix.Case, n hotfix.Notice) Capsule {
	f := c.Latest
	out := Capsule{Version: Version, Fingerprint: c.Fingerprint, Repo: c.Repo, Event: n.Event, Failure: f,
		Excerpt: redact.Scrub(triage.Excerpt(f.Logs, excerptMax)), Seen: Seen{c.Count, c.First, c.Last}, Settings: n.Settings}
	if out.Event == "" {
		out.Event = "kernel.plugin_error"
	}
	if f.Run != nil {
		out.Base = f.Run.SHA
	}
	if commit(f.Plugin.Ref) {
		out.Base = f.Plugin.Ref
	}
	for _, a := range c.Attempts {
		out.Run = a.RunID
		if p := a.Outcome.Patch; p != nil {
			out.Base = p.Base
		}
		if before := a.Outcome.Evidence.Before; len(before) > 0 {
			out.Command = before[0].Command
		}
	}
	out.ID = out.digest()
	return out
}

// commit reports whether ref names a commit and nothing else.
func commit(ref string) bool {
	if len(ref) != 40 {
		return false
	}
	_, err := hex.DecodeString(ref)
	return err == nil
}

// digest names a capsule by its content.
func (c Capsule) digest() string {
	c.ID = ""
	body, err := json.Marshal(c)
	if err != nil {
		return "" // only settings that are no JSON, which Write then reports
	}
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Notice is the delivery that a replay begins with.
func (c Capsule) Notice() hotfix.Notice {
	f := c.Failure
	return hotfix.Notice{ID: f.ID, Event: c.Event, Failure: &f, Settings: c.Settings}
}

// Write writes c as one JSON document for people and programs.
func Write(w io.Writer, c Capsule) error {
	body, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode capsule: %w", err)
	}
	_, err = w.Write(append(body, '\n'))
	return err
}

// Read reads a capsule and checks that it is whole: its content has the digest that names it. Texts are scrubbed
// again, so a capsule that a secret was put into afterwards is refused like any other that was changed.
func Read(r io.Reader) (Capsule, error) {
	body, err := io.ReadAll(io.LimitReader(r, sizeMax+1))
	if err != nil {
		return Capsule{}, fmt.Errorf("read capsule: %w", err)
	}
	if len(body) > sizeMax {
		return Capsule{}, fmt.Errorf("read capsule: it is longer than %d bytes", sizeMax)
	}
	var c Capsule
	if err := json.Unmarshal(body, &c); err != nil {
		return Capsule{}, fmt.Errorf("read capsule: it is not the JSON that daemon-hotfix capsule writes: %w", err)
	}
	if c.Version != Version {
		return Capsule{}, fmt.Errorf("read capsule: it has version %d and this daemon reads version %d: export it again", c.Version, Version)
	}
	var compact bytes.Buffer
	if len(c.Settings) > 0 && json.Compact(&compact, c.Settings) == nil { // Write indented them
		c.Settings = compact.Bytes()
	}
	if c.ID != c.digest() {
		return Capsule{}, errors.New("read capsule: its content is not what its id says, so it was changed since it was made")
	}
	return c, nil
}
