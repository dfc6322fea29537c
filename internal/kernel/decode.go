package kernel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// A command is what the kernel recognised in a comment. Its parameters may be any JSON.
type command struct {
	name   string
	params json.RawMessage
}

// readers are kept from one payload to the next: each has tables and buffers of a hundred kilobytes.
var readers = sync.Pool{New: func() any { return brotli.NewReader(nil) }}

// inflate reads an event payload: base64 of brotli of a JSON object.
func inflate(text string, limit int64) (object, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not base64")
	}
	reader := readers.Get().(*brotli.Reader)
	defer readers.Put(reader)
	_ = reader.Reset(bytes.NewReader(packed)) // its error is always nil
	plain := bytes.NewBuffer(make([]byte, 0, 4*len(packed)+bytes.MinRead))
	_, err = plain.ReadFrom(io.LimitReader(reader, limit+1))
	if int64(plain.Len()) > limit {
		return nil, refuse(StageLimit, "eventPayload inflates to more than %d bytes", limit)
	}
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not brotli")
	}
	payload, err := parseObject(plain.Bytes())
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not a JSON object")
	}
	return payload, nil
}

func decodeSettings(text string) (json.RawMessage, error) {
	if _, err := parseObject([]byte(text)); err != nil {
		return nil, refuse(StageDecode, "settings is not a JSON object")
	}
	return json.RawMessage(text), nil
}

// decodeCommand returns nil for the text "null", which is no command.
func decodeCommand(text string) (*command, error) {
	if strings.TrimSpace(text) == "null" {
		return nil, nil
	}
	c, err := parseObject([]byte(text))
	if err != nil {
		return nil, refuse(StageDecode, "command is neither null nor a JSON object")
	}
	name, ok := asString(c["name"])
	if !ok {
		return nil, refuse(StageDecode, "command has no name")
	}
	return &command{name: name, params: c["parameters"]}, nil
}
