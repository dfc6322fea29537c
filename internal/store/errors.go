package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// classify adds ErrFull to an error that means that the database takes nothing more for now.
func classify(err error) error {
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, context.Canceled) {
		return err
	}
	if outOfReach(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

func outOfReach(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff { // the rest is detail
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return true
		}
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case strings.HasPrefix(pg.Code, "53"), // insufficient resources: disk, memory, connections
			strings.HasPrefix(pg.Code, "57P"), // shutting down, crashed, not up yet
			strings.HasPrefix(pg.Code, "58"),  // the server's own system failed
			strings.HasPrefix(pg.Code, "08"),  // connection
			pg.Code == "25006":                // read-only, as on a standby
			return true
		}
		return false
	}
	var dial *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &dial) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
