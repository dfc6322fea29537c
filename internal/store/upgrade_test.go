package store_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// What a newer version has made, an older one must not touch.
func TestANewerStoreIsRefused(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.address(t)
			s := open(t, store.Config{DSN: dsn})
			one := "1"
			if s.PG() != nil {
				one = "true"
			}
			damage(t, s, "INSERT INTO hotfix_migrations (version_id, is_applied) VALUES (9999, "+one+")")
			_, err := store.Open(t.Context(), store.Config{DSN: dsn})
			require.ErrorContains(t, err, "a newer daemon-hotfix made the tables (version 9999")
		})
	}
}

// Machines that share a store must share its key: with another, one would not recognise the issues of the others.
func TestAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn, key := db.address(t), bytes.Repeat([]byte("k"), 32)
			open(t, store.Config{DSN: dsn, Key: key})
			open(t, store.Config{DSN: dsn, Key: key})
			open(t, store.Config{DSN: dsn}) // an operator's command needs none
			_, err := store.Open(t.Context(), store.Config{DSN: dsn, Key: bytes.Repeat([]byte("x"), 32)})
			require.ErrorContains(t, err, "the store was made with another key")
		})
	}
}
