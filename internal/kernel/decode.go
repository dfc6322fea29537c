package kernel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
)

// A command is what the kernel recognised in a comment. Its parameters may be any JSON.
type command struct {
	name   string
	params json.RawMessage
}

// inflate reads an event payload: base64 of brotli of a JSON object.
func inflate(text string, limit int64) (object, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not base64")
	}
	plain, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(packed)), limit+1))
	if int64(len(plain)) > limit {
		return nil, refuse(StageLimit, "eventPayload inflates to more than %d bytes", limit)
	}
	if err != nil {
		return nil, refuse(StageDecode, "eventPayload is not brotli")
	}
	var payload object
	if json.Unmarshal(plain, &payload) != nil || payload == nil {
		return nil, refuse(StageDecode, "eventPayload is not a JSON object")
	}
	return payload, nil
}

func decodeSettings(text string) (json.RawMessage, error) {
	var settings object
	if json.Unmarshal([]byte(text), &settings) != nil || settings == nil {
		return nil, refuse(StageDecode, "settings is not a JSON object")
	}
	return json.RawMessage(text), nil
}

// decodeCommand returns nil for the text "null", which is no command.
func decodeCommand(text string) (*command, error) {
	if strings.TrimSpace(text) == "null" {
		return nil, nil
	}
	var c object
	if json.Unmarshal([]byte(text), &c) != nil {
		return nil, refuse(StageDecode, "command is neither null nor a JSON object")
	}
	name, ok := asString(c["name"])
	if !ok {
		return nil, refuse(StageDecode, "command has no name")
	}
	return &command{name: name, params: c["parameters"]}, nil
}
