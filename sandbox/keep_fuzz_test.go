package sandbox

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// An entry is one of an archive.
type entry struct {
	kind       byte
	name, rest string // rest is the content, or where a link leads
}

// archive is what a hostile box could send.
func archive(entries ...entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: e.kind, Name: e.name, Mode: 0o777, Linkname: e.rest}
		if e.kind == tar.TypeReg {
			h.Size, h.Linkname = int64(len(e.rest)), ""
		}
		if w.WriteHeader(h) == nil && e.kind == tar.TypeReg {
			_, _ = w.Write([]byte(e.rest)) // what does not fit is a worse archive
		}
	}
	_ = w.Close() // likewise
	return b.Bytes()
}

// FuzzKeep: whatever a box sends, nothing outside of the tree is touched, nor git's own files, and what comes out is plain.
func FuzzKeep(f *testing.F) {
	f.Add(archive(entry{tar.TypeReg, "a.js", "new"}, entry{tar.TypeReg, "b/c.js", "more"}, entry{tar.TypeDir, "b", ""}))
	f.Add(archive(entry{tar.TypeReg, "../secret", "x"}, entry{tar.TypeReg, "/etc/x", "x"}, entry{tar.TypeReg, ".git/config", "x"}, entry{tar.TypeReg, ".GIT/x", "x"}))
	f.Add(archive(entry{tar.TypeSymlink, "l", "../secret"}, entry{tar.TypeReg, "l", "x"}, entry{tar.TypeReg, "l/x", "x"}, entry{tar.TypeLink, "a.js", ".git/HEAD"}))
	f.Add(archive(entry{tar.TypeFifo, "p", ""}, entry{tar.TypeChar, "d", ""}, entry{tar.TypeReg, ".github/workflows/x.yml", "x"}, entry{tar.TypeReg, "a\x1bb", "x"}))
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "tree")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, ".git"), 0o755))
		for name, text := range map[string]string{"secret": "the secret", "tree/.git/HEAD": "ref", "tree/a.js": "old"} {
			require.NoError(t, os.WriteFile(filepath.Join(top, name), []byte(text), 0o644))
		}
		_, _, _ = keep(bytes.NewReader(data), dir, nil) // what stands there afterwards counts
		for name, text := range map[string]string{"secret": "the secret", "tree/.git/HEAD": "ref"} {
			now, err := os.ReadFile(filepath.Join(top, name))
			require.NoError(t, err)
			require.Equal(t, text, string(now), name)
		}
		left, err := os.ReadDir(top)
		require.NoError(t, err)
		require.Len(t, left, 2)
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			require.True(t, d.Type().IsRegular(), "%q is no plain file", name)
			if name != filepath.Join(".git", "HEAD") {
				require.NoError(t, CheckPath(name))
			}
			return nil
		}))
	})
}
