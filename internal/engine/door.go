package engine

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
)

// maxRequest bounds a request in bytes. GitHub caps webhooks at 25 MB; compressed and encoded they stay below this.
const maxRequest = 32 << 20

// deliver takes one request of the kernel in. The answer is sent when the notice is durable; the work comes after.
func (e *Engine) deliver(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusBadRequest, "http", "the content type must be application/json")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusBadRequest, "http", "the request is larger than 32 MiB or was cut off")
		return
	}
	opts := e.cfg.Kernel
	opts.Now = e.cfg.Daemon.Now()
	dl, err := kernel.Open(body, opts)
	if err != nil {
		e.unsigned(w, err)
		return
	}
	notice, err := dl.Notice()
	if err != nil {
		e.unsigned(w, err)
		return
	}
	if notice.Ignored != nil {
		e.cfg.Daemon.Log.Info("notice ignored", "notice", notice.ID, "event", notice.Event, "rule", notice.Ignored.Rule, "because", notice.Ignored.Because)
		reply(w, http.StatusOK, map[string]any{"stateId": notice.ID, "output": map[string]any{"ignored": notice.Ignored}})
		return
	}
	fresh, err := e.store.SaveNotice(r.Context(), notice)
	if err != nil {
		e.cfg.Daemon.Log.Error("notice not taken in", "notice", notice.ID, "err", err)
		refuse(w, http.StatusServiceUnavailable, "store", "the store is full or away; send it again later")
		return
	}
	e.cfg.Daemon.Log.Info("notice taken in", "notice", notice.ID, "event", notice.Event, "fresh", fresh)
	reply(w, http.StatusOK, map[string]any{"stateId": notice.ID, "output": map[string]any{"accepted": fresh}})
}

// unsigned answers a request that kernel refused. Nothing of it has been kept.
func (e *Engine) unsigned(w http.ResponseWriter, err error) {
	var no *kernel.Refusal
	if !errors.As(err, &no) {
		no = &kernel.Refusal{Stage: "decode", Reason: "the request cannot be decoded"}
	}
	e.cfg.Daemon.Log.Warn("request refused", "stage", no.Stage, "reason", no.Reason)
	refuse(w, http.StatusBadRequest, no.Stage, no.Reason)
}

func refuse(w http.ResponseWriter, status int, stage, reason string) {
	reply(w, status, map[string]any{"error": reason, "stage": stage})
}

// reply always sends JSON: the kernel takes anything else for a failure.
func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away; the status line is already out
}
