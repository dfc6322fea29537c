package triage

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Upstream is a key of what f has in common with failures of other plugins that one outage brings about. It is empty
// for what is the plugin's own.
func Upstream(f hotfix.Failure) string {
	s := newShape(f)
	if !s.passing() {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{strings.ToLower(f.Plugin.Repo.Owner), string(s.class), strconv.Itoa(s.status), strings.ToLower(s.template),
		s.name, strings.ToLower(s.cause), strings.Join(s.codes, " "), s.host}, "\x1f")))
	return hex.EncodeToString(sum[:12])
}

// Transient reports whether f is of a kind that usually passes by itself.
func Transient(f hotfix.Failure) bool {
	s := newShape(f)
	return s.passing()
}

func (s *shape) passing() bool {
	return s.class == hotfix.ClassNetwork || s.class == hotfix.ClassTimeout || hostAway(s.status) || s.status == http.StatusTooManyRequests
}

// Similar is how much two failures read alike, from 0 to 1. It only ever suggests.
func Similar(a, b hotfix.Failure) float64 {
	left, right := strings.Fields(strings.ToLower(Template(a))), strings.Fields(strings.ToLower(Template(b)))
	if len(left) == 0 || len(right) == 0 {
		return 0
	}
	return 2 * float64(inOrder(left, right)) / float64(len(left)+len(right))
}

// inOrder is the length of the longest sequence of words that both have in the same order.
func inOrder(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
