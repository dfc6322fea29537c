package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// storeFlags say which store a command is about.
type storeFlags struct {
	Data  string `help:"Directory that serve keeps its store in." env:"HOTFIX_DATA" placeholder:"DIR"`
	Store string `help:"The store, if it is elsewhere: sqlite:PATH or postgres://..." env:"HOTFIX_STORE" placeholder:"DSN"`
}

// open opens a store that exists. A mistyped path must not make an empty one.
func (f storeFlags) open(ctx context.Context) (*store.SQL, error) {
	dsn := f.Store
	if dsn == "" {
		dir, err := (&serveCmd{Data: f.Data}).dataDir()
		if err != nil {
			return nil, err
		}
		dsn = "sqlite:" + filepath.Join(dir, "hotfix.db")
	}
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no store at %s: say where it is with --data or --store", path)
		}
	}
	return store.Open(ctx, store.Config{DSN: dsn})
}

// A storeCmd looks after the store.
type storeCmd struct {
	Check  storeCheckCmd  `cmd:"" help:"Read everything in the store and say what is wrong with it."`
	Backup storeBackupCmd `cmd:"" help:"Copy the store to a new file while the daemon runs."`
}

// Help is the long text of `store --help`.
func (*storeCmd) Help() string {
	return `Examples:
  daemon-hotfix store check
  daemon-hotfix store backup /backups/hotfix-monday.db`
}

// A storeCheckCmd checks the store.
type storeCheckCmd struct {
	storeFlags `embed:""`
}

// Help is the long text of `store check --help`.
func (*storeCheckCmd) Help() string {
	return `The exit status is 0 if the store is healthy and 1 if it is not. The daemon may be running.

Examples:
  daemon-hotfix store check --data /var/lib/daemon-hotfix`
}

// Run prints what is in the store and what is wrong with it.
func (c *storeCheckCmd) Run(ctx context.Context, std streams) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	h, err := s.Check(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "size\t%d KiB\nnotices\t%d\ncases\t%d\nruns\t%d\nwanted or parked\t%d\n", h.Bytes/1024, h.Notices, h.Cases, h.Runs, h.Wants)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range h.Problems {
		fmt.Fprintln(std.Out, "problem:", p)
	}
	if len(h.Problems) > 0 {
		return exit(1)
	}
	_, err = fmt.Fprintln(std.Out, "healthy")
	return err
}

// A storeBackupCmd copies the store.
type storeBackupCmd struct {
	storeFlags `embed:""`

	To string `arg:"" help:"File to make. It must not exist." placeholder:"FILE"`
}

// Help is the long text of `store backup --help`.
func (*storeBackupCmd) Help() string {
	return `Restoring is stopping the daemon and putting the file in the store's place. Keep the file "key" of the data
directory as well: without it the daemon does not recognise its own issues. PostgreSQL is backed up with pg_dump.

Examples:
  daemon-hotfix store backup --data /var/lib/daemon-hotfix /backups/monday.db`
}

// Run makes the copy.
func (c *storeBackupCmd) Run(ctx context.Context, std streams) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Backup(ctx, c.To); errors.Is(err, store.ErrNoBackup) {
		return fmt.Errorf("%w: pg_dump --format=custom --file=%s DATABASE", err, c.To)
	} else if err != nil {
		return err
	}
	info, err := os.Stat(c.To)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "%s: %d KiB\n", c.To, info.Size()/1024)
	return err
}
