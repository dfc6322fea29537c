package forge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrReadOnly means that a write was kept from the connection.
var ErrReadOnly = errors.New("nothing is written in the shadow")

// A reader lets nothing through that could change anything: reads, questions in GraphQL, and what an app needs to get
// a token of its own.
type reader struct{ next http.RoundTripper }

// RoundTrip sends what only reads.
func (r reader) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
	case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/access_tokens") && strings.Contains(req.URL.Path, "/app/installations/"):
	case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/graphql"):
		body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(body), "mutation") {
			return nil, fmt.Errorf("%w: POST %s", ErrReadOnly, req.URL.Path)
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	default:
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("%w: %s %s", ErrReadOnly, req.Method, req.URL.Path)
	}
	return r.next.RoundTrip(req)
}
