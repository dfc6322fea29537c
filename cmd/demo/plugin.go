package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A service is the plugin while it runs.
type service struct {
	address string
	stop    func()
}

// startPlugin lays the plugin's files out and serves them with Node.
func startPlugin(ctx context.Context, files map[string]string, dir string) (*service, error) {
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "node", "src/server.js")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the plugin: %w; run: make setup", err)
	}
	stop := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		stop()
		return nil, errors.Join(fmt.Errorf("the plugin did not start: %q", line), err)
	}
	return &service{"http://127.0.0.1:" + port, stop}, nil
}
