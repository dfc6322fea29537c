package forge

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

const (
	keptMax = 32 << 20 // bytes of all answers kept for revalidation
	pageMax = 2 << 20  // bytes of one of them
)

// pages are the answers that can be used again if GitHub says that they have not changed.
type pages struct {
	mu    sync.Mutex
	by    map[string]*page
	order []string // oldest first
	size  int
}

type page struct {
	tag    string
	header http.Header
	body   []byte
}

func (p *pages) find(key string) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[key]
}

// keep reads the whole answer, so that one that breaks off is never kept, and remembers it.
func (p *pages) keep(key string, resp *http.Response) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageMax+1))
	if err != nil {
		resp.Body = body2{io.MultiReader(bytes.NewReader(body), broken{err}), resp.Body}
		return
	}
	if len(body) > pageMax {
		resp.Body = body2{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
		return
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, known := p.by[key]; known {
		p.size -= len(old.body)
	} else {
		p.order = append(p.order, key)
	}
	p.by[key] = &page{resp.Header.Get("ETag"), resp.Header.Clone(), body}
	p.size += len(body)
	for p.size > keptMax {
		p.size -= len(p.by[p.order[0]].body)
		delete(p.by, p.order[0])
		p.order = p.order[1:]
	}
}

// revive makes resp, which says that nothing changed, the answer that it was then.
func (p *page) revive(resp *http.Response) *http.Response {
	_ = resp.Body.Close()
	header := p.header.Clone()
	for k, v := range resp.Header {
		if strings.HasPrefix(k, "X-Ratelimit-") || k == "Date" {
			header[k] = v
		}
	}
	resp.Status, resp.StatusCode, resp.Header = "200 OK", http.StatusOK, header
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(p.body)), int64(len(p.body))
	return resp
}

// body2 is what was read already, then the rest.
type body2 struct {
	io.Reader
	io.Closer
}

type broken struct{ error }

// Read returns the error that the answer broke off with.
func (b broken) Read([]byte) (int, error) { return 0, b.error }
