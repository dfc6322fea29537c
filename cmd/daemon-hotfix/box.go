package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// boxFlags say what boxes are made with, and where installations in them may get packages.
type boxFlags struct {
	Backend      string            `help:"What makes boxes: native, bwrap or gvisor. Default: the first that holds." placeholder:"B"`
	Registries   []string          `help:"The only addresses that an installation may reach, in place of the public registries." placeholder:"HOST:PORT"`
	Certificates string            `help:"PEM file with certificates that installations trust besides the system's." type:"existingfile" placeholder:"FILE"`
	InstallEnv   map[string]string `help:"Further variables of installations, such as NPM_CONFIG_REGISTRY=https://npm.acme.example." placeholder:"NAME=VALUE"`
}

// config is what the flags describe.
func (f boxFlags) config() (sandbox.Config, error) {
	c := sandbox.Config{Backend: f.Backend, InstallEnv: f.InstallEnv}
	for _, at := range f.Registries {
		host, port, err := net.SplitHostPort(at)
		if err != nil || host == "" || port == "" {
			return c, fmt.Errorf("--sandbox-registries: %q is no address: write host:port, such as npm.acme.example:443", at)
		}
		c.Registries = append(c.Registries, at)
	}
	if f.Certificates != "" {
		pem, err := os.ReadFile(f.Certificates)
		if err != nil {
			return c, fmt.Errorf("--sandbox-certificates: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return c, fmt.Errorf("--sandbox-certificates: %s holds no certificate in PEM", f.Certificates)
		}
		c.Certificates = pem
	}
	return c, nil
}

// open makes the box.
func (f boxFlags) open() (sandbox.Box, error) {
	c, err := f.config()
	if err != nil {
		return nil, err
	}
	box, err := sandbox.Native(c)
	if err != nil {
		return nil, fmt.Errorf("this machine cannot run foreign code safely: %w", err)
	}
	return box, nil
}
