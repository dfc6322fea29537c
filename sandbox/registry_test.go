package sandbox_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A registry serves packages of npm, Go and Python on this machine's loopback, under a name that boxes may ask for.
type registry struct {
	t         *testing.T
	server    *httptest.Server
	npm       map[string]map[string]map[string]string // name, version, file
	mu        sync.Mutex
	asked     []string // paths
	packed    map[string][]byte
	lies      map[string]string // where versions of packages lie on this machine
	authority []byte            // PEM
}

const (
	registryName    = "example.com"
	registryAddress = "93.184.215.14" // public, and never dialled: the tests' dialler goes to the loopback
)

func newRegistry(t *testing.T) *registry {
	r := &registry{t: t, npm: map[string]map[string]map[string]string{}, packed: map[string][]byte{}, lies: map[string]string{}}
	r.server = httptest.NewUnstartedServer(r)
	r.server.TLS, r.authority = certify(t)
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients look and go away
	r.server.StartTLS()
	t.Cleanup(r.server.Close)
	return r
}

// certify makes an authority and a certificate of it for the registry.
func certify(t *testing.T) (*tls.Config, []byte) {
	t.Helper()
	make := func(c, by *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if signer == nil {
			by, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, signer)
		require.NoError(t, err)
		return der, key
	}
	top := &x509.Certificate{Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	authority, signer := make(top, nil, nil)
	der, key := make(&x509.Certificate{Subject: pkix.Name{CommonName: registryName}, DNSNames: []string{registryName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, top, signer)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})
}

// box is a box whose installations may reach the registry.
func (r *registry) box(change ...func(*sandbox.Config)) sandbox.Box {
	r.t.Helper()
	c := sandbox.Config{
		Registries:   []string{registryName + ":443"},
		Certificates: r.authority,
		InstallEnv: map[string]string{"npm_config_registry": "https://" + registryName, "NPM_CONFIG_REGISTRY": "https://" + registryName,
			"YARN_NPM_REGISTRY_SERVER": "https://" + registryName, "GOPROXY": "https://" + registryName + "/go", "GONOSUMDB": "*",
			"PIP_INDEX_URL": "https://" + registryName + "/simple", "npm_config_fetch_retries": "0"},
	}
	for _, f := range change {
		f(&c)
	}
	box, err := sandbox.Native(sandbox.WithNetwork(c, r.resolve, r.dial))
	require.NoError(r.t, err)
	return box
}

func (r *registry) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	if host != registryName {
		return nil, fmt.Errorf("no such host: %s", host)
	}
	return []netip.Addr{netip.MustParseAddr(registryAddress)}, nil
}

func (r *registry) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if to.String() != registryAddress+":443" {
		return nil, fmt.Errorf("dialled %s", to)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", r.server.Listener.Addr().String())
}

// requests is how often paths with a part were asked for.
func (r *registry) requests(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(r.asked), func(p string) bool { return !strings.Contains(p, part) }))
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := strings.TrimPrefix(path.Clean(req.URL.Path), "/")
	r.asked = append(r.asked, name)
	switch {
	case strings.HasPrefix(name, "go/"):
		r.serveGo(w, strings.TrimPrefix(name, "go/"))
	case strings.HasPrefix(name, "simple/"):
		fmt.Fprintf(w, `<!DOCTYPE html><a href="https://%s/wheels/%s-1.0.0-py3-none-any.whl">x</a>`, registryName, path.Base(name))
	case strings.HasPrefix(name, "wheels/"):
		w.Write(wheel(strings.Split(path.Base(name), "-")[0]))
	case strings.HasSuffix(name, ".tgz"):
		pkg, file, _ := strings.Cut(name, "/-/")
		version := strings.TrimSuffix(strings.TrimPrefix(file, path.Base(pkg)+"-"), ".tgz")
		if planted := r.npm[pkg]; planted != nil && planted[version] == nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Write(r.tarball(pkg, version))
	default:
		r.servePackage(w, name)
	}
}

// installed is where versions of an npm package lie in .tools/runners.
func installed(name string) []string {
	names := []string{name}
	if name == "@yarnpkg/cli-dist" {
		names = append(names, "yarn-2", "yarn-3")
	}
	for i, n := range names {
		names[i] = filepath.Join("../.tools/runners/node_modules", n)
	}
	return names
}

// versions of an npm package: planted ones, or what .tools/runners has.
func (r *registry) versions(name string) map[string]map[string]string {
	if v := r.npm[name]; v != nil {
		return v
	}
	var all map[string]map[string]string
	for _, dir := range installed(name) {
		data, err := os.ReadFile(filepath.Join(dir, "package.json"))
		var m struct{ Version string }
		if err != nil || json.Unmarshal(data, &m) != nil {
			continue
		}
		if all == nil {
			all = map[string]map[string]string{}
		}
		all[m.Version] = map[string]string{"package.json": string(data)}
		r.lies[name+m.Version] = dir
	}
	return all
}

func (r *registry) servePackage(w http.ResponseWriter, name string) {
	versions := r.versions(name)
	if versions == nil {
		http.Error(w, `{"error":"Not found"}`, http.StatusNotFound)
		return
	}
	all, since, latest := map[string]any{}, map[string]string{}, ""
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		var m map[string]any
		if err := json.Unmarshal([]byte(versions[v]["package.json"]), &m); err != nil {
			panic(err)
		}
		sum := sha512.Sum512(r.tarball(name, v))
		m["dist"] = map[string]any{"tarball": fmt.Sprintf("https://%s/%s/-/%s-%s.tgz", registryName, name, path.Base(name), v),
			"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}
		if s, ok := m["scripts"].(map[string]any); ok && (s["install"] != nil || s["postinstall"] != nil) {
			m["hasInstallScript"] = true
		}
		all[v], since[v], latest = m, "2024-01-01T00:00:00.000Z", v // Yarn takes nothing that is new
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": name, "dist-tags": map[string]string{"latest": latest}, "versions": all, "time": since})
}

// tarball packs a package as npm does.
func (r *registry) tarball(name, version string) []byte {
	if data := r.packed[name+version]; data != nil {
		return data
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	add := func(file string, data []byte, mode int64) {
		_ = w.WriteHeader(&tar.Header{Name: "package/" + file, Mode: mode, Size: int64(len(data)), Typeflag: tar.TypeReg})
		_, _ = w.Write(data)
	}
	if planted := r.npm[name][version]; planted != nil {
		for _, f := range slices.Sorted(maps.Keys(planted)) {
			add(f, []byte(planted[f]), 0o644)
		}
	} else {
		r.versions(name)
		dir := os.DirFS(r.lies[name+version])
		_ = fs.WalkDir(dir, ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d != nil && d.Name() == "node_modules" && name != "pnpm" {
					return fs.SkipDir
				}
				return err
			}
			if data, err := fs.ReadFile(dir, file); err == nil {
				add(file, data, 0o755)
			}
			return nil
		})
	}
	_, _ = w.Close(), z.Close()
	r.packed[name+version] = buf.Bytes()
	return buf.Bytes()
}

// serveGo serves one module, example.com/double at v1.0.0.
func (r *registry) serveGo(w http.ResponseWriter, name string) {
	switch strings.TrimPrefix(name, "example.com/double/@v/") {
	case "list":
		fmt.Fprintln(w, "v1.0.0")
	case "v1.0.0.info":
		fmt.Fprint(w, `{"Version":"v1.0.0","Time":"2024-01-01T00:00:00Z"}`)
	case "v1.0.0.mod":
		fmt.Fprint(w, goDouble["go.mod"])
	case "v1.0.0.zip":
		w.Write(zipped("example.com/double@v1.0.0/", goDouble))
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

var goDouble = map[string]string{
	"go.mod":    "module example.com/double\n\ngo 1.21\n",
	"double.go": "package double\n\nfunc Double(n int) int { return 2 * n }\n",
}

func zipped(prefix string, files map[string]string) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if w, err := z.Create(prefix + name); err == nil {
			_, _ = w.Write([]byte(files[name]))
		}
	}
	_ = z.Close()
	return buf.Bytes()
}

// wheel is a Python package of one function.
func wheel(name string) []byte {
	meta := name + "-1.0.0.dist-info/"
	return zipped("", map[string]string{
		name + ".py":      "def double(n):\n    return 2 * n\n",
		meta + "METADATA": "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0.0\n",
		meta + "WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		meta + "RECORD":   "",
	})
}

// goSum is the go.sum of a module that uses example.com/double.
func goSum() string {
	hash := func(files map[string]string, prefix string) string {
		h := sha256.New()
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(h, "%x  %s\n", sha256.Sum256([]byte(files[name])), prefix+name)
		}
		return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	return "example.com/double v1.0.0 " + hash(goDouble, "example.com/double@v1.0.0/") + "\n" +
		"example.com/double v1.0.0/go.mod " + hash(map[string]string{"go.mod": goDouble["go.mod"]}, "") + "\n"
}
