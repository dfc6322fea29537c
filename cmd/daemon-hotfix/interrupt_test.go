package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Ctrl-C ends what waits for somebody to type.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"redact"}, {"redact", "--jsonl"}, {"fingerprint"}, {"fingerprint", "--jsonl"}, {"explain", "-"}, {"inspect"}} {
		ctx, stop := context.WithCancel(context.Background())
		in, typing := io.Pipe()
		time.AfterFunc(50*time.Millisecond, stop) // while it waits
		var errs bytes.Buffer
		require.Equal(t, exitInterrupted, run(ctx, args, streams{In: in, Out: io.Discard, Err: &errs}), "%v: %s", args, &errs)
		require.Equal(t, "daemon-hotfix: interrupted\n", errs.String(), "%v", args)
		require.NoError(t, typing.Close())
	}
}
