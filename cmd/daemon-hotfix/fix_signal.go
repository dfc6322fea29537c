package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/andybalholm/brotli"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// messageMax bounds the message of a signal that is plain text, in bytes. All of it is in the log.
const messageMax = 8 << 10

// readSignal turns what the user gave into a failure: a payload or a whole request of the kernel, a payload of
// GitHub, or plain text. Nothing is verified: whoever may run this command may also say what failed.
func readSignal(data []byte, now time.Time) (hotfix.Failure, error) {
	if bytes.HasPrefix(data, []byte("POST ")) {
		_, body, err := splitRequest(data)
		if err != nil {
			return hotfix.Failure{}, err
		}
		data = body
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return hotfix.Failure{}, errors.New("the signal is empty: give an event or the text of the failure")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		return textFailure(string(data), now), nil //nolint:nilerr // what is no event is text
	}
	if inputs, ok := fields["inputs"]; ok { // the event file of a workflow_dispatch run
		var inner map[string]json.RawMessage
		if json.Unmarshal(inputs, &inner) == nil && inner["eventPayload"] != nil {
			fields = inner
		}
	}
	event, packed := text(fields["eventName"]), text(fields["eventPayload"])
	if packed == "" {
		if event = eventOf(fields); event == "" {
			return textFailure(string(data), now), nil // a log line in JSON, for example
		}
		packed = pack(data)
	}
	n, err := unverified(event, packed, now)
	if err != nil {
		return hotfix.Failure{}, err
	}
	if n.Failure == nil {
		because := "It is a command, not a failure."
		if n.Ignored != nil {
			because = n.Ignored.Because
		}
		return hotfix.Failure{}, fmt.Errorf("the signal %q is no failure to work on: %s", n.Event, because)
	}
	return *n.Failure, nil
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // what is no string reads as absent
	return s
}

// eventOf recognises a bare payload by what it holds, "" if it is none that says what failed.
func eventOf(fields map[string]json.RawMessage) string {
	switch {
	case fields["plugin"] != nil && fields["error"] != nil:
		return "kernel.plugin_error"
	case fields["workflow_run"] != nil:
		return "workflow_run.completed"
	case fields["check_run"] != nil:
		return "check_run.completed"
	case fields["check_suite"] != nil:
		return "check_suite.completed"
	}
	return ""
}

// pack writes a payload as the kernel does.
func pack(payload []byte) string {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	_, err := w.Write(payload)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// unverified decodes a payload as if the kernel had signed it. Package kernel reads nothing that is not signed, so it
// is signed here, with a key that lives no longer than this call.
func unverified(event, packed string, now time.Time) (hotfix.Notice, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("read the signal: %w", err)
	}
	body := []byte("{")
	for i, f := range [][2]string{{"stateId", "local"}, {"eventName", event}, {"eventPayload", packed}, {"settings", "{}"}, {"authToken", ""},
		{"ref", "http://localhost"}, {"command", "null"}} {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `"`+f[0]+`":`...)
		body = kernel.Quote(body, utf16.Encode([]rune(f[1])))
	}
	sum := sha256.Sum256(append(body[:len(body):len(body)], '}'))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("read the signal: %w", err)
	}
	body = append(append(body, `,"signature":"`+base64.StdEncoding.EncodeToString(sig)...), `"}`...)
	d, err := kernel.Open(body, kernel.Options{Key: &key.PublicKey, Now: now, MaxBytes: maxInspect})
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("read the signal: %w", err)
	}
	n, err := d.Notice()
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("read the signal: %w", err)
	}
	return n, nil
}

// textFailure is a failure of which there is only text.
func textFailure(s string, now time.Time) hotfix.Failure {
	all := redact.Scrub(strings.TrimSpace(s))
	return hotfix.Failure{ID: "text", Plugin: hotfix.Plugin{Kind: "ci"}, Category: "text", Message: redact.Cut(all, messageMax), At: now}
}
