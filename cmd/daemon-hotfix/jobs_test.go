package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// try parses args as the command line of cmd and runs it.
func try(t *testing.T, cmd any, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	std := streams{In: &bytes.Buffer{}, Out: &out, Err: &out}
	parser, err := kong.New(cmd, kong.BindTo(t.Context(), (*context.Context)(nil)), kong.Bind(std), kong.Writers(&out, &out))
	require.NoError(t, err)
	command, err := parser.Parse(args)
	require.NoError(t, err)
	err = command.Run()
	return out.String(), err
}

// parkedStore returns the address of a store in which these cases' fixes were given up.
func parkedStore(t *testing.T, reason string, fps ...hotfix.Fingerprint) string {
	t.Helper()
	ctx, dsn := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hotfix.db")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := store.Open(ctx, store.Config{DSN: dsn, Now: func() time.Time { return at }})
	require.NoError(t, err)
	for _, fp := range fps {
		require.NoError(t, s.SaveCase(ctx, hotfix.Case{Fingerprint: fp, Repo: hotfix.Repo{Owner: "o", Name: "n"}}, hotfix.NextFix))
		claims, err := s.Claim(ctx, store.Fix, []string{string(fp)}, 0, "me", 0)
		require.NoError(t, err)
		_, err = s.Finish(ctx, claims, []store.End{{Failed: reason, Park: true}})
		require.NoError(t, err)
	}
	require.NoError(t, s.SaveCase(ctx, hotfix.Case{Fingerprint: "v1-waits"}, hotfix.NextReport))
	require.NoError(t, s.Close())
	return dsn
}

func TestJobsList(t *testing.T) {
	t.Parallel()
	dsn := parkedStore(t, "the forge said\x1b[31m no\nand \u0085 meant it", "v1-a")
	out, err := try(t, &jobsCmd{}, "list", "--store", dsn)
	require.NoError(t, err)
	require.Equal(t, "STATE   KIND  NAME  REPOSITORY  ATTEMPTS  SINCE                REASON\n"+
		"parked  fix   v1-a  o/n         1         2026-01-02 03:04:05  the forge said [31m no and   meant it\n", out)

	out, err = try(t, &jobsCmd{}, "--store", dsn, "--all", "--json")
	require.NoError(t, err)
	require.Equal(t, `{"state":"parked","kind":"fix","name":"v1-a","repo":"o/n","attempts":1,"since":"2026-01-02T03:04:05Z",`+
		`"reason":"the forge said [31m no and   meant it"}`+"\n"+
		`{"state":"waiting","kind":"report","name":"v1-waits","attempts":0,"since":"2026-01-02T03:04:05Z"}`+"\n", out)
}

func TestJobsReleaseAndDrop(t *testing.T) {
	t.Parallel()
	dsn := parkedStore(t, "no", "v1-a", "v1-ab", "v1-b")
	tests := []struct {
		name string
		args []string
		out  string
		err  string
	}{
		{"the beginning of several names", []string{"drop", "fix", "v1-"}, "", `3 parked names begin with "v1-": write more of it`},
		{"another kind", []string{"drop", "report", "v1-a"}, "", `no report that begins with "v1-a" is parked: see daemon-hotfix jobs`},
		{"neither a name nor all", []string{"release", "fix"}, "", "say which: a name, or --every"},
		{"both", []string{"release", "fix", "v1-a", "--every"}, "", "say which: a name, or --every"},
		{"a whole name that others begin with", []string{"drop", "fix", "v1-a"}, "dropped fix v1-a\n", ""},
		{"the beginning of one name", []string{"release", "fix", "v1-a"}, "released fix v1-ab\n", ""},
		{"all that is left", []string{"release", "fix", "--every"}, "released fix v1-b\n", ""},
		{"none is left", []string{"release", "fix", "--every"}, "", ""},
		{"nothing is parked", []string{"list"}, "nothing is parked\n", ""},
	}
	for _, tt := range tests { // one after the other: each goes on where the one before ended
		out, err := try(t, &jobsCmd{}, append(tt.args, "--store", dsn)...)
		require.Equal(t, tt.out, out, tt.name)
		if tt.err != "" {
			require.EqualError(t, err, tt.err, tt.name)
		} else {
			require.NoError(t, err, tt.name)
		}
	}
	s, err := store.Open(t.Context(), store.Config{DSN: dsn})
	require.NoError(t, err)
	defer s.Close()
	wants, err := s.Wanted(t.Context())
	require.NoError(t, err)
	require.Len(t, wants, 3, "two released fixes and the report")
}

func TestStoreCommands(t *testing.T) {
	t.Parallel()
	dsn := parkedStore(t, "no", "v1-a")
	dir := t.TempDir()
	out, err := try(t, &storeCmd{}, "check", "--store", dsn)
	require.NoError(t, err)
	require.Regexp(t, `^size +\d+ KiB\nnotices +0\ncases +2\nruns +0\nwanted or parked +2\nhealthy\n$`, out)

	backup := filepath.Join(dir, "hotfix.db")
	out, err = try(t, &storeCmd{}, "backup", "--store", dsn, backup)
	require.NoError(t, err)
	require.Regexp(t, `hotfix.db: \d+ KiB\n$`, out)
	_, err = try(t, &storeCmd{}, "backup", "--store", dsn, backup)
	require.ErrorContains(t, err, "exists already: name a new file")
	out, err = try(t, &storeCmd{}, "check", "--data", dir)
	require.NoError(t, err, out)

	_, err = try(t, &storeCmd{}, "check", "--store", "sqlite:"+filepath.Join(dir, "typo.db"))
	require.ErrorContains(t, err, "there is no store at")
	_, err = os.Stat(filepath.Join(dir, "typo.db"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
