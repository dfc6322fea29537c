package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store" // the driver
)

// TestLite_statementsAreKept asks one connection the same things again: while an answer is still read, after the table
// has changed, after a mistake, and more different things than it keeps.
func TestLite_statementsAreKept(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("hotfix-sqlite", filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx := t.Context()
	c, err := db.Conn(ctx)
	require.NoError(t, err)
	defer c.Close()
	for _, q := range []string{"CREATE TABLE a (n INTEGER UNIQUE)", "INSERT INTO a VALUES (1), (2), (3)"} {
		_, err = c.ExecContext(ctx, q)
		require.NoError(t, err)
	}
	all := func() (numbers []int) {
		rows, err := c.QueryContext(ctx, "SELECT * FROM a ORDER BY n")
		require.NoError(t, err)
		defer rows.Close()
		columns, err := rows.Columns()
		require.NoError(t, err)
		row := make([]any, len(columns))
		for rows.Next() {
			var n int
			row[0] = &n
			for i := 1; i < len(row); i++ {
				row[i] = new(any)
			}
			require.NoError(t, rows.Scan(row...))
			numbers = append(numbers, n)
		}
		require.NoError(t, rows.Err())
		return numbers
	}
	rows, err := c.QueryContext(ctx, "SELECT * FROM a ORDER BY n")
	require.NoError(t, err)
	require.True(t, rows.Next())
	require.Equal(t, []int{1, 2, 3}, all(), "while the same answer is still read")
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())

	const add = "INSERT INTO a (n) VALUES (?)"
	_, err = c.ExecContext(ctx, add, 3)
	require.Error(t, err)
	_, err = c.ExecContext(ctx, add, 4)
	require.NoError(t, err, "a mistake spoils nothing")
	_, err = c.ExecContext(ctx, "ALTER TABLE a ADD COLUMN other TEXT")
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3, 4}, all(), "after the table has changed")
	for i := range 300 {
		var n int
		require.NoError(t, c.QueryRowContext(ctx, fmt.Sprintf("SELECT %d", i)).Scan(&n))
		require.Equal(t, i, n)
	}
	require.Equal(t, []int{1, 2, 3, 4}, all())
}
