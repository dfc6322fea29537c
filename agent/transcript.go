package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// TranscriptVersion is the version of the files that Write makes.
const TranscriptVersion = 1

// A Transcript is a run as a file of JSON lines keeps it: a head, a line for each step, and an end.
type Transcript struct {
	Prompt string // hash of the prompt's text
	Tools  string // hash of the tools' definitions
	Run    *Run
}

// head is the first line.
type head struct {
	Version int       `json:"version"`
	ID      string    `json:"run"`
	Model   string    `json:"model,omitempty"`
	Started time.Time `json:"started"`
	Prompt  string    `json:"prompt"`
	Tools   string    `json:"tools"`
	System  string    `json:"system"`
	Asked   string    `json:"asked"`
}

// end is the last line.
type end struct {
	Stop    Stop          `json:"stop"`
	Because string        `json:"because,omitempty"`
	Steps   int           `json:"steps"`
	Tokens  Tokens        `json:"tokens"`
	Cost    float64       `json:"cost,omitempty"` // dollars; absent where no price is known
	Took    time.Duration `json:"took"`
	Tight   int           `json:"tight,omitempty"`
}

// a line is any line but the first.
type line struct {
	N    int   `json:"n,omitempty"`
	Step *Step `json:"step,omitempty"`
	End  *end  `json:"end,omitempty"`
}

// Write writes the transcript.
func (t Transcript) Write(w io.Writer) error {
	r := t.Run
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(head{TranscriptVersion, r.Task.ID, r.Model, r.Started.UTC(), t.Prompt, t.Tools, r.Task.System, r.Task.Prompt})
	for i := range r.Steps {
		err = errors.Join(err, enc.Encode(line{N: i + 1, Step: &r.Steps[i]}))
	}
	err = errors.Join(err, enc.Encode(line{End: &end{r.Stop, r.Because, len(r.Steps), r.Used(), r.Cost(), r.Took, r.Tight}}), out.Flush())
	if err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	return nil
}

// ReadTranscript reads what Write has written. A file without an end is of a run that was cut off.
func ReadTranscript(r io.Reader) (*Transcript, error) {
	dec := json.NewDecoder(r)
	var h head
	if err := dec.Decode(&h); err != nil || h.Version == 0 {
		return nil, errors.New("it is no transcript: the first line must be an object with a version")
	}
	if h.Version != TranscriptVersion {
		return nil, fmt.Errorf("it has version %d and this program reads version %d", h.Version, TranscriptVersion)
	}
	run := &Run{Task: Task{ID: h.ID, System: h.System, Prompt: h.Asked}, Model: h.Model, Started: h.Started}
	for n := 2; ; n++ {
		var l line
		err := dec.Decode(&l)
		switch {
		case errors.Is(err, io.EOF):
			return &Transcript{h.Prompt, h.Tools, run}, nil
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case l.Step != nil && l.N == len(run.Steps)+1:
			run.Steps = append(run.Steps, *l.Step)
		case l.End != nil:
			run.Stop, run.Because, run.Took, run.Tight = l.End.Stop, l.End.Because, l.End.Took, l.End.Tight
		default:
			return nil, fmt.Errorf("line %d is neither step %d nor the end", n, len(run.Steps)+1)
		}
	}
}
