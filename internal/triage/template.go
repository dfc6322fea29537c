package triage

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// templateMax bounds a template, in bytes.
const templateMax = 400

// maskRead bounds how much of a message is masked: enough to fill a template after holes have swallowed most of it.
const maskRead = 2048

// titleMax bounds a title, in characters.
const titleMax = 100

// Template returns f's message with everything left out that differs between failures of one kind.
func Template(f hotfix.Failure) string {
	s := newShape(f)
	return s.readable()
}

// Title returns one line that names the problem, of at most 100 characters: the message as it was, without what only
// tells this occurrence from others.
func Title(f hotfix.Failure) string {
	s := newShape(f)
	s.template = s.whole
	if said := spoken(cutBytes(read(f).message, maskRead), knownValues(f)); said != "" {
		s.template = said
	}
	if f.Run != nil && f.Run.Name != "" && s.detail != "" && runEnded(strings.ToLower(read(f).message)) {
		s.template, s.codes = f.Run.Name, nil // how a run ended is no news
	}
	title := s.readable()
	if title == "" {
		title = "Failure without a message"
	}
	where := ""
	if s.frame.fn != "" {
		where = fmt.Sprintf(" in %s (%s)", s.frame.fn, baseName(s.frame.path))
	} else if s.frame.path != "" {
		where = fmt.Sprintf(" in %s", baseName(s.frame.path))
	}
	if n := utf8.RuneCountInString(where); n < titleMax/2 {
		return clip(title, titleMax-n) + where
	}
	return clip(title, titleMax)
}

// spoken is a message with holes only where a word is an id or holds a value of the event. It is empty if the message
// has marks that are not meant for a line of text.
func spoken(s string, known []string) string {
	if contains(s, "```", "<!--") || strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.C, r) && r != '\n' && r != '\t' }) {
		return ""
	}
	words := strings.Fields(s)
	for i, w := range words {
		bare := strings.ToLower(strings.Trim(w, "'\"`()[]{},.:;"))
		if utf8.RuneCountInString(w) > 60 || isID(bare) || len(bare) > 6 && allDigits(bare) || holdsAny(bare, known) {
			words[i] = hole
		}
	}
	return strings.Join(words, " ")
}

func holdsAny(word string, known []string) bool {
	for _, k := range known {
		if strings.Contains(word, k) {
			return true
		}
	}
	return false
}

// clip cuts s to at most n characters, at a word if one ends close by.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	end := 0
	for i := range s {
		if n--; n < 1 {
			end = i
			break
		}
	}
	s = s[:end]
	if i := strings.LastIndexByte(s, ' '); i > len(s)-20 && i > 0 {
		s = s[:i]
	}
	return strings.TrimRight(s, " .,:;"+hole) + hole
}

// A shape is what failures of one problem have in common.
type shape struct {
	class    hotfix.Class
	status   int
	wrapped  bool
	template string
	whole    string // the template before it is cut to what truncated sisters share
	name     string // of the error class, "" if the message says enough
	cause    string
	codes    []string
	host     string
	route    string
	test     string
	file     string
	frame    traced
	cut      bool
	detail   string // what the logs say when the message says nothing
	event    string // what the plugin was doing when nothing else is known
}

// newShape reads f and masks what it says.
func newShape(f hotfix.Failure) shape { return shapeBy(f, version) }

// shapeBy is newShape by ruleset that may be older ones.
func shapeBy(f hotfix.Failure, by ruleset) shape {
	r := readBy(f, by)
	known := knownValues(f)
	s := shape{status: r.status, wrapped: r.wrapped, name: r.class, codes: r.codes, test: r.test, cut: r.cut}
	s.template = mask(cutBytes(r.message, maskRead), known, by)
	s.whole = bounded(s.template)
	s.template = prefixOf(s.template, r.limit, r.cut)
	s.codes = slimCodes(r)
	if r.cause != "" && !hasCode(s.codes) {
		s.cause = bounded(mask(cutBytes(r.cause, maskRead), known, by))
	}
	if r.host != "" && !strings.Contains(r.message, r.host) {
		s.host = mask(r.host, known, by)
	}
	if r.route != "" {
		s.route = mask(r.route, known, by)
	}
	if r.file != "" {
		s.file = canonical(r.file)
	}
	for _, t := range r.trace {
		if t.own {
			s.frame = t
			break
		}
	}
	if s.frame.path == "" {
		s.frame = goDependency(r.trace)
	}
	if r.opaque() {
		s.look(f, known, by)
	}
	s.class = s.classify(f)
	return s
}

// look fills detail from what came with a message that says nothing: the logs, else the workflow or the event, so
// that one such message does not stand for every bug of a plugin.
func (s *shape) look(f hotfix.Failure, known []string, by ruleset) {
	switch in := fromLogs(f, by); {
	case in != nil:
		inner := shape{template: bounded(mask(cutBytes(in.message, maskRead), known, by)), name: in.class, codes: slimCodes(in), test: in.test}
		s.detail = inner.readable()
		for _, t := range in.trace {
			if t.own && s.frame.path == "" {
				s.frame = t
			}
		}
	case f.Run != nil:
		s.event = f.Run.Name
	default:
		s.event = f.Trigger.Event
	}
}

// goDependency returns the first frame of a dependency in a Go trace. Go names functions in full, so it tells
// problems apart when no frame is the program's own; in JavaScript bundles it does not.
func goDependency(trace []traced) traced {
	for _, t := range trace {
		if t.lib {
			return t
		}
	}
	return traced{}
}

// hasCode reports whether one of codes names an error of a system or a library.
func hasCode(codes []string) bool {
	for _, c := range codes {
		if len(c) >= 4 && c == strings.ToUpper(c) && isUpper(c[0]) {
			return true
		}
	}
	return false
}

// slimCodes returns the codes that the message does not have already.
func slimCodes(r *report) []string {
	var out []string
	for _, c := range r.codes {
		if !strings.Contains(r.message, c) {
			out = append(out, c)
		}
	}
	return out
}

// bounded cuts a template to templateMax.
func bounded(t string) string {
	if len(t) <= templateMax {
		return t
	}
	end := templateMax
	for end > 0 && !utf8.RuneStart(t[end]) {
		end--
	}
	return tidy([]byte(t[:end]))
}

// prefixOf returns the part of a template that all sisters of a cut message share: at most limit bytes, whole words,
// and nothing behind a hole that stands close to the end.
func prefixOf(t string, limit int, cut bool) string {
	if len(t) > limit {
		t = t[:limit]
		for !utf8.ValidString(t) {
			t = t[:len(t)-1]
		}
		cut = true
	}
	if !cut {
		return t
	}
	if i := strings.LastIndexAny(t, " "); i > 0 {
		t = t[:i]
	}
	for {
		i := strings.LastIndex(t, hole)
		if i < 24 || len(t)-i > 12+len(hole) {
			return tidy([]byte(t))
		}
		t = t[:i]
	}
}

// knownValues returns the values of the event that a message may repeat.
func knownValues(f hotfix.Failure) []string {
	var known []string
	add := func(v string) {
		if len(v) >= 3 {
			known = append(known, strings.ToLower(v))
		}
	}
	add(f.Trigger.Repo.String())
	name := func(v string) {
		if len(v) >= 3 && !allWords(v) {
			known = append(known, strings.ToLower(v))
		}
	}
	name(f.Trigger.Actor)
	name(f.Trigger.Repo.Owner)
	name(f.Trigger.Repo.Name)
	add(f.Trigger.Delivery)
	add(f.RequestID)
	add(f.ID)
	name(f.Plugin.Ref)
	if f.Plugin.URL != "" {
		_, rest, _ := strings.Cut(f.Plugin.URL, "://")
		add(upTo(rest, "/"))
	}
	if f.Run != nil {
		add(f.Run.SHA)
		name(f.Run.Branch)
		add(strconv.FormatInt(f.Run.ID, 10))
	}
	return known
}

// readable returns the template as people read it.
func (s *shape) readable() string {
	var b strings.Builder
	if s.wrapped && s.status > 0 {
		fmt.Fprintf(&b, "HTTP %d: ", s.status)
	}
	if s.test != "" {
		b.WriteString(s.test)
		if s.template != "" {
			b.WriteString(": ")
		}
	}
	if s.name != "" {
		b.WriteString(s.name + ": ")
	}
	b.WriteString(s.template)
	if s.detail != "" {
		b.WriteString(": " + s.detail)
	}
	if s.cause != "" {
		b.WriteString(" (" + s.cause + ")")
	}
	if len(s.codes) > 0 {
		b.WriteString(" [" + strings.Join(s.codes, " ") + "]")
	}
	if s.host != "" {
		b.WriteString(" " + s.host)
	}
	if s.route != "" {
		b.WriteString(" " + s.route)
	}
	return strings.TrimRight(b.String(), ": ")
}
