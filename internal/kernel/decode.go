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

// An inflater is kept from one payload to the next: its tables are of a hundred kilobytes, and plain is as large as the
// largest payload so far.
type inflater struct {
	reader *brotli.Reader
	plain  bytes.Buffer
}

var inflaters = sync.Pool{New: func() any { return &inflater{reader: brotli.NewReader(nil)} }}

// inflate reads an event payload: base64 of brotli of a JSON object.
func inflate(text string, limit int64) (object, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not base64")
	}
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	_ = z.reader.Reset(bytes.NewReader(packed)) // its error is always nil
	z.plain.Reset()
	_, err = z.plain.ReadFrom(io.LimitReader(z.reader, limit+1))
	if int64(z.plain.Len()) > limit {
		return nil, refuse(StageLimit, "eventPayload inflates to more than %d bytes", limit)
	}
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not brotli")
	}
	payload, err := parseObject(bytes.Clone(z.plain.Bytes()))
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
	name, ok := asString(c.get("name"))
	if !ok {
		return nil, refuse(StageDecode, "command has no name")
	}
	return &command{name: name, params: c.get("parameters")}, nil
}
