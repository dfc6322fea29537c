package kernel

import (
	"errors"
	"io"
	"mime"
	"net/http"
)

// OpenRequest reads, verifies and decodes an HTTP request. Its error is a *Refusal, or a failure to read the body.
func OpenRequest(r *http.Request, opts Options) (*Delivery, error) {
	opts = opts.withDefaults()
	if err := CheckContentType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, opts.MaxBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, refuse(StageLimit, "the request has more than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, err
	}
	return Open(body, opts)
}

// CheckContentType refuses what is not JSON by its header.
func CheckContentType(header string) error {
	if kind, _, err := mime.ParseMediaType(header); err != nil || kind != "application/json" {
		return refuse(StageHTTP, "the content type is not application/json")
	}
	return nil
}
