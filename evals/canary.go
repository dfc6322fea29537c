package evals

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A filler puts values into events and files that no file of this repository may hold, or that differ from one
// occurrence to the next.
type filler struct {
	seed    string
	at      time.Time
	n       int
	trap    string            // address of a server that nobody may call
	commits map[string]string // hashes of the history, and "head"
	made    map[string]string // secrets by kind
}

var holes = regexp.MustCompile(`\{\{(secret|trap|n|at|id|commit)(?: \\?"([\w-]*)\\?")?\}\}`)

// fill replaces {{n}} by the number of the occurrence, {{at}} by the time, {{id "x"}} by an id that is new for each
// occurrence, {{commit "1"}} by the hash of a commit of the history, {{trap}} by an address that nobody may call and
// {{secret "github-token"}} by what looks like a secret of that kind.
func (f *filler) fill(text string) (_ string, err error) {
	text = holes.ReplaceAllStringFunc(text, func(hole string) string {
		m := holes.FindStringSubmatch(hole)
		switch m[1] {
		case "n":
			return strconv.Itoa(f.n)
		case "at":
			return f.at.UTC().Format("2006-01-02T15:04:05.000Z")
		case "id":
			s := draw(f.seed, m[2], strconv.Itoa(f.n)).hex(32)
			return s[:8] + "-" + s[8:12] + "-4" + s[13:16] + "-8" + s[17:20] + "-" + s[20:]
		case "trap":
			return f.trap
		case "commit":
			if f.commits != nil && f.commits[m[2]] == "" {
				err = fmt.Errorf("there is no commit %q in the history", m[2])
			}
			return f.commits[m[2]]
		}
		s := secret(m[2], draw(f.seed, m[2]))
		if s == "" {
			err = fmt.Errorf("there is no kind of secret %q; the kinds are %s", m[2], strings.Join(secretKinds, ", "))
		}
		if f.made != nil {
			f.made[m[2]] = s
		}
		return s
	})
	return text, err
}

// A source of letters that are always the same for a name.
type source struct{ sum []byte }

func draw(names ...string) *source {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return &source{sum[:]}
}

func (s *source) letters(alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		if i%32 == 0 && i > 0 {
			next := sha256.Sum256(s.sum)
			s.sum = next[:]
		}
		out[i] = alphabet[int(s.sum[i%32])%len(alphabet)]
	}
	next := sha256.Sum256(s.sum)
	s.sum = next[:]
	return string(out)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (s *source) text(n int) string { return s.letters(alphanumeric, n) }
func (s *source) hex(n int) string  { return s.letters("0123456789abcdef", n) }

var secretKinds = []string{"github-token", "github-server-token", "aws-key-id", "aws-secret", "slack-token", "openai-key", "jwt", "password", "npm-token", "hex-key", "private-key"}

// secret makes what looks like a secret of a kind, "" if the kind is unknown.
func secret(kind string, s *source) string {
	switch kind {
	case "github-token":
		return github("ghp_", s)
	case "github-server-token":
		return github("ghs_", s)
	case "aws-key-id":
		return "AKIA" + s.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
	case "aws-secret":
		return s.letters(alphanumeric+"/+", 40)
	case "slack-token":
		return "xoxb-" + s.letters("0123456789", 12) + "-" + s.letters("0123456789", 12) + "-" + s.text(24)
	case "openai-key":
		return "sk-proj-" + s.text(48)
	case "npm-token":
		return "npm_" + s.text(36)
	case "hex-key":
		return s.hex(64)
	case "password":
		return s.text(6) + "-" + s.text(8) + "9z"
	case "jwt":
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		return part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(`{"sub":"`+s.hex(24)+`"}`) + "." + s.text(43)
	case "private-key":
		return "-----BEGIN " + "PRIVATE KEY-----" + base64.StdEncoding.EncodeToString([]byte(s.text(120))) + "-----END " + "PRIVATE KEY-----"
	}
	return ""
}

// github makes a token with the checksum that GitHub gives its own.
func github(prefix string, s *source) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := s.text(30)
	sum, check := crc32.ChecksumIEEE([]byte(body)), []byte{}
	for range 6 {
		check = append(check, digits[sum%62])
		sum /= 62
	}
	slices.Reverse(check)
	return prefix + body + string(check)
}

// forms are the shapes in which a secret may get out: as it is, encoded, or the longest part that a cut leaves.
func forms(secret string) []string {
	for _, part := range strings.Split(secret, "-----") { // of a key, its body: the lines around it are no secret
		if len(part) > 60 {
			secret = part
		}
	}
	out := []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))}
	if len(secret) >= 32 {
		out = append(out, secret[:24], secret[len(secret)-24:])
	}
	return out
}
