package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// A yamlFile answers for flags that are neither on the command line nor in the environment.
type yamlFile map[string]any

// loadYAML reads a configuration file for kong.
func loadYAML(r io.Reader) (kong.Resolver, error) {
	file := yamlFile{}
	if err := yaml.NewDecoder(r).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file is not YAML with one setting per line, such as \"listen: 127.0.0.1:8787\": %w", err)
	}
	return file, nil
}

// Validate refuses keys that no flag has, so that a typing error cannot go unseen.
func (f yamlFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				known[flag.Name] = true
			}
		}
	}
	for key := range f {
		if !known[key] {
			return fmt.Errorf("the configuration file has a key %q, which is no flag of any command", key)
		}
	}
	return nil
}

// Resolve returns the file's value for flag, or nil.
func (f yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	return f[flag.Name], nil
}
