package prompts

import (
	"encoding/json"
	"fmt"
)

// A Scene is what an attempt began with: enough to render its prompt and to make its calls once more.
type Scene struct {
	Failure string `json:"failure"` // its id
	Base    string `json:"base"`    // the commit that was checked out, "" if nothing was
	Branch  string `json:"branch"`  // of that commit, as far as it is known
	Note    string `json:"note"`    // what the checkout said of itself
	Fix     Fix    `json:"fix"`

	Tools []string `json:"tools,omitempty"` // what was on offer
}

// JSON is s as a transcript keeps it.
func (s Scene) JSON() (json.RawMessage, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("keep what the prompt was made of: %w", err)
	}
	return raw, nil
}

// ReadScene reads what JSON wrote. Its texts are scrubbed again.
func ReadScene(raw json.RawMessage) (Scene, error) {
	var s Scene
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read what the prompt was made of: %w", err)
	}
	return s, nil
}
