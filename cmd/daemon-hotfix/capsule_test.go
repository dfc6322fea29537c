package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

func TestCapsuleOfACase(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hotfix.db")
	s, err := store.Open(ctx, store.Config{DSN: dsn})
	require.NoError(t, err)
	repo := hotfix.Repo{Owner: "Acme", Name: "adder"}
	for _, fp := range []hotfix.Fingerprint{"v1-aa10", "v1-aa11"} {
		f := hotfix.Failure{ID: "x", Plugin: hotfix.Plugin{Repo: repo}, Message: redact.Scrub("boom " + string(fp)), At: time.Unix(9, 0).UTC()}
		require.NoError(t, s.SaveCase(ctx, hotfix.Case{Fingerprint: fp, Repo: repo, Issue: int(fp[6]-'0') + 12, Count: 1, Latest: f}))
	}
	require.NoError(t, s.Close())

	out, err := try(t, &capsuleCmd{}, "--store", dsn, "acme/adder#13")
	require.NoError(t, err)
	require.Contains(t, out, "boom v1-aa11")

	to := filepath.Join(t.TempDir(), "capsule.json")
	_, err = try(t, &capsuleCmd{}, "--store", dsn, "aa10", "-o", to)
	require.NoError(t, err)
	file, err := os.Open(to)
	require.NoError(t, err)
	defer file.Close()
	c, err := capsule.Read(file)
	require.NoError(t, err)
	require.Equal(t, hotfix.Fingerprint("v1-aa10"), c.Fingerprint)

	for arg, want := range map[string]string{"v1-aa1": "2 cases begin", "v1-ff": "no case whose fingerprint", "acme/adder#99": "no case with the issue", "x#y": "write owner/name#12"} {
		_, err := try(t, &capsuleCmd{}, "--store", dsn, arg)
		require.ErrorContains(t, err, want)
	}
	_, err = try(t, &capsuleCmd{}, "--store", dsn, "aa10", "-o", to)
	require.ErrorContains(t, err, "exists", "a file is not written over")
}
