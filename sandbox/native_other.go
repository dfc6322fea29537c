//go:build !linux

package sandbox

import (
	"fmt"
	"runtime"
)

// Native returns the box that this machine offers by itself.
func Native(Config) (Box, error) {
	return nil, fmt.Errorf("box: %s has no namespaces to run untrusted code in; use Linux", runtime.GOOS)
}

// Check says what boxes this machine offers and why. The error is the one that Native would return.
func Check(c Config) ([]Finding, error) {
	_, err := Native(c)
	return nil, err
}
