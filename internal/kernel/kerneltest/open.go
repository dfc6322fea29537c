package kerneltest

import (
	"io"
	"net/http"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
)

// OpenRequest verifies a request as a plugin does that takes in what the kernel posts.
func OpenRequest(r *http.Request, opts kernel.Options) (*kernel.Delivery, error) {
	if err := kernel.CheckContentType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return kernel.Open(body, opts)
}
