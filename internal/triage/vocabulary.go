package triage

import (
	_ "embed"
	"strings"
	"sync"
)

// vocabulary.txt has the words that occur in many programs and their documentation, as stems. A word that is not in
// it, where a name is expected, is taken for a name.
//
//go:embed vocabulary.txt
var vocabularyText string

// vocabulary returns the stems.
var vocabulary = sync.OnceValue(func() map[string]struct{} {
	words := make(map[string]struct{}, 6000)
	for w := range strings.FieldsSeq(vocabularyText) {
		words[w] = struct{}{}
	}
	return words
})

// suffixes are the endings of English words, each with what may stand in its place in the stem.
var suffixes = [...]struct {
	end   string
	stems []string
}{
	{"ies", []string{"y"}}, {"es", []string{"", "e"}}, {"s", []string{""}}, {"ied", []string{"y"}}, {"ed", []string{"", "e"}},
	{"ing", []string{"", "e"}}, {"ers", []string{"", "e", "er"}}, {"er", []string{"", "e"}}, {"ors", []string{"or", "", "e"}},
	{"or", []string{"", "e"}}, {"ly", []string{""}}, {"able", []string{"", "e"}}, {"ment", []string{""}}, {"ments", []string{"", "ment"}},
	{"ation", []string{"e", "ate", ""}}, {"ations", []string{"e", "ate", "", "ation"}}, {"ion", []string{"", "e"}}, {"ions", []string{"", "e", "ion"}},
	{"ness", []string{""}}, {"ity", []string{"", "e"}}, {"ful", []string{""}}, {"less", []string{""}},
}

// isVocabulary reports whether a lower-case word is a word of the language, perhaps with an ending or a beginning.
func isVocabulary(w string) bool {
	if len(w) == 1 || known(w) {
		return true
	}
	for _, p := range [...]string{"un", "re", "non", "pre", "sub", "in", "de", "multi", "auto"} {
		if rest, ok := strings.CutPrefix(w, p); ok && len(rest) > 3 && known(rest) {
			return true
		}
	}
	return false
}

// known reports whether w or its stem is in the vocabulary.
func known(w string) bool {
	words := vocabulary()
	if _, ok := words[w]; ok {
		return true
	}
	for _, s := range suffixes {
		base, ok := strings.CutSuffix(w, s.end)
		if !ok || len(base) < 3 {
			continue
		}
		for _, add := range s.stems {
			if _, ok := words[base+add]; ok {
				return true
			}
		}
		if n := len(base); n > 3 && base[n-1] == base[n-2] {
			if _, ok := words[base[:n-1]]; ok {
				return true
			}
		}
	}
	return false
}
