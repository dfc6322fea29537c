package kernel

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUserinfo: the credentials of every URL are gone, and nothing else is.
func FuzzUserinfo(f *testing.F) {
	for _, s := range []string{"https://mona:pw@acme.example/x?y=a@b", "git+ssh://a@b@c/d", "see ftp://u@h, http://v:w@h2", "://x@y", "9://x@y", "a9.-+://x@", "a://b://c@d",
		"http://é@h", "http://a b@c", "http:///x@y", "x://'@y", "http://https://u@h", "mail mona@acme.example", "http://\xff@h", "h\xc3://u@v"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@'"]*@`)
	f.Fuzz(func(t *testing.T, s string) {
		want := s
		for form.MatchString(want) {
			want = form.ReplaceAllString(want, "$1")
		}
		require.Equal(t, strings.ToValidUTF8(want, "?"), strings.ToValidUTF8(stripUserinfo(s), "?"))
	})
}
