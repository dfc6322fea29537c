package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const (
	splitShort = 3 // characters; fewer tell nothing apart
	splitLong  = 200
	splitsMax  = 10 // rules of one case
)

// split writes the rule that failures which say a text are another problem. They are counted there from now on.
func split(_ context.Context, _ *Daemon, a *asking) (string, error) {
	text := splitText(a.Args)
	switch {
	case len(text) < splitShort || len(text) > splitLong:
		a.wrong = fmt.Sprintf("It needs a text of %d to %d characters that only the other problem's failures say.", splitShort, splitLong)
	case slices.ContainsFunc(a.c.Splits, func(s hotfix.Split) bool { return s.Text == text }):
		a.wrong = "Failures that say this have an issue of their own already."
	case len(a.c.Splits) >= splitsMax:
		a.wrong = fmt.Sprintf("This problem was split %d times, which is the most; `/hotfix unsplit` makes room.", splitsMax)
	}
	if a.wrong != "" {
		return "wrong", nil
	}
	sum := sha256.Sum256([]byte(string(a.c.Fingerprint) + "\x1f" + text))
	version, _, _ := strings.Cut(string(a.c.Fingerprint), "-")
	a.c.Splits = append(slices.Clone(a.c.Splits), hotfix.Split{Text: text, By: a.By, To: hotfix.Fingerprint(version + "-" + hex.EncodeToString(sum[:16]))})
	a.next = []hotfix.Next{hotfix.NextReport}
	return "split", nil
}

func unsplit(_ context.Context, _ *Daemon, a *asking) (string, error) {
	text := splitText(a.Args)
	kept := slices.DeleteFunc(slices.Clone(a.c.Splits), func(s hotfix.Split) bool { return text == "" || s.Text == text })
	if len(kept) == len(a.c.Splits) {
		a.wrong = "Nothing was split off with this text."
		return "wrong", nil
	}
	a.c.Splits = kept
	a.next = []hotfix.Next{hotfix.NextReport}
	return "unsplit", nil
}

func splitText(args redact.Text) string {
	return strings.ToLower(strings.Join(strings.Fields(strings.Trim(args.String(), "\"'` ")), " "))
}

// splitOff is the case that f was split off to, "" if it belongs to c.
func splitOff(c hotfix.Case, f hotfix.Failure) hotfix.Fingerprint {
	if len(c.Splits) == 0 {
		return ""
	}
	said := strings.ToLower(strings.Join(strings.Fields(f.Message.String()+" "+f.Stack.String()+" "+redact.Join(f.Logs, " ").String()), " "))
	for _, s := range c.Splits {
		if strings.Contains(said, s.Text) {
			return s.To
		}
	}
	return ""
}
