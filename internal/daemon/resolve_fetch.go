package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	manifestWait = 5 * time.Second
	manifestMax  = 64 << 10 // bytes
	manifestKeep = 10 * time.Minute
	manifestsMax = 1000
)

// manifests reads plugins' manifests. The addresses come from strangers: only public ones are called, each name is
// resolved once and the address that was checked is the one that is called, also after a redirect.
type manifests struct {
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	kept map[string]manifestName
}

type manifestName struct {
	name string
	err  error
	at   time.Time
}

func newManifests(private bool, now func() time.Time) *manifests {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialPublic(ctx, network, address, private)
	}
	return &manifests{now: now, kept: map[string]manifestName{}, client: &http.Client{
		Timeout: manifestWait,
		// No proxy: it would call addresses that nobody has checked.
		Transport: &http.Transport{DialContext: dial, TLSHandshakeTimeout: manifestWait, DisableKeepAlives: true, MaxResponseHeaderBytes: manifestMax},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return errors.New("too many redirects")
			}
			if req.URL.Scheme == "http" && via[0].URL.Scheme == "https" {
				return errors.New("it redirects to an address without encryption")
			}
			return nil
		},
	}}
}

// dialPublic calls address if all that its name stands for is public.
func dialPublic(ctx context.Context, network, address string, private bool) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for _, ip := range found {
		if !private && !public(ip) {
			return nil, fmt.Errorf("%s stands for %s, which is not a public address", host, ip)
		}
	}
	var d net.Dialer
	var conn net.Conn
	err = fmt.Errorf("%s has no address", host)
	for _, ip := range found {
		if conn, err = d.DialContext(ctx, network, net.JoinHostPort(ip.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// reserved are the networks that are neither private by name nor public: documentation, carriers' own, translation.
var reserved = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// public reports whether ip is reachable on the internet and not part of a network of ours.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// shortName is what the manifest below base says the plugin's repository is: owner/repo@ref.
func (m *manifests) shortName(ctx context.Context, base string) (string, error) {
	m.mu.Lock()
	known, ok := m.kept[base]
	m.mu.Unlock()
	if ok && m.now().Sub(known.at) < manifestKeep {
		return known.name, known.err
	}
	name, err := m.fetch(ctx, base+"/manifest.json")
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.kept) >= manifestsMax {
		clear(m.kept)
	}
	m.kept[base] = manifestName{name, err, m.now()}
	return name, err
}

func (m *manifests) fetch(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "daemon-hotfix")
	res, err := m.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, manifestMax+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", address, err)
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s answers %d", address, res.StatusCode)
	case len(body) > manifestMax:
		return "", fmt.Errorf("%s is larger than %d bytes", address, manifestMax)
	}
	var manifest struct {
		ShortName string `json:"short_name"`
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		return "", fmt.Errorf("%s is not a manifest: %w", address, err)
	}
	return manifest.ShortName, nil
}
