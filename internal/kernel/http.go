package kernel

import "mime"

// CheckContentType refuses what is not JSON by its header.
func CheckContentType(header string) error {
	if kind, _, err := mime.ParseMediaType(header); err != nil || kind != "application/json" {
		return refuse(StageHTTP, "the content type is not application/json")
	}
	return nil
}
