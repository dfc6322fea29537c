package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// maxRequest bounds a request in bytes. GitHub caps webhooks at 25 MB; compressed and encoded they stay below this.
const maxRequest = 32 << 20

// usualRequest is more than most requests have, in bytes. Nobody gets more room by saying that more is to come.
const usualRequest = 64 << 10

// deliver takes one request of the kernel in. The answer is sent when the notice is durable; the work comes after.
func (e *Engine) deliver(w http.ResponseWriter, r *http.Request) {
	e.open(w, r, func(body []byte, opts kernel.Options) (*kernel.Delivery, error) { return kernel.Open(body, opts) })
}

// github takes in one webhook that GitHub itself sends.
func (e *Engine) github(w http.ResponseWriter, r *http.Request) {
	e.open(w, r, func(body []byte, opts kernel.Options) (*kernel.Delivery, error) {
		return kernel.OpenGitHub(r.Header, body, e.cfg.GitHub, opts)
	})
}

// open reads, verifies and takes in a request.
func (e *Engine) open(w http.ResponseWriter, r *http.Request, open func([]byte, kernel.Options) (*kernel.Delivery, error)) {
	if err := kernel.CheckContentType(r.Header.Get("Content-Type")); err != nil {
		e.unsigned(w, err)
		return
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxRequest), r.ContentLength)
	if err != nil {
		refuse(w, http.StatusBadRequest, kernel.StageHTTP, "the request is larger than 32 MiB or was cut off")
		return
	}
	e.enter() // only now: whoever sends a request slowly must not hold up the work
	defer e.inside.Add(-1)
	opts := e.cfg.Kernel
	opts.Now = e.cfg.Daemon.Now()
	dl, err := open(body, opts)
	if err != nil {
		e.unsigned(w, err)
		return
	}
	if e.cfg.Verified != nil {
		e.cfg.Verified(dl)
	}
	notice, err := dl.Notice()
	if err != nil {
		e.unsigned(w, err)
		return
	}
	e.take(w, r, notice)
}

// readAll reads a body whose length the sender may have told. It makes room for as much of that as most have.
func readAll(body io.Reader, length int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), usualRequest)+bytes.MinRead))
	_, err := buf.ReadFrom(body)
	return buf.Bytes(), err
}

// take answers a notice that is for us when it is durable, and any other at once.
func (e *Engine) take(w http.ResponseWriter, r *http.Request, notice hotfix.Notice) {
	log := e.cfg.Daemon.Log
	if no := notice.Ignored; no != nil {
		log.Info("notice ignored", "notice", notice.ID, "event", notice.Event, "rule", no.Rule, "because", no.Because)
		if kernel.Drops(notice) {
			if err := e.store.SaveDrop(r.Context(), store.DropOf(notice, notice.About, *no)); err != nil {
				log.Error("dropped failure not counted", "notice", notice.ID, "err", err)
			}
		}
		reply(w, http.StatusOK, map[string]any{"stateId": notice.ID, "output": map[string]any{"ignored": no}})
		return
	}
	fresh, err := e.store.SaveNotice(r.Context(), notice)
	if err != nil {
		log.Error("notice not taken in", "notice", notice.ID, "err", err)
		refuse(w, http.StatusServiceUnavailable, "store", "the store is full or away; send it again later")
		return
	}
	log.Debug("notice taken in", "notice", notice.ID, "event", notice.Event, "fresh", fresh)
	reply(w, http.StatusOK, map[string]any{"stateId": notice.ID, "output": map[string]any{"accepted": fresh}})
}

// serveManifest says what this plugin is. Whoever has it already gets no more than a yes.
func (e *Engine) serveManifest(w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256(e.manifest)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("ETag", fmt.Sprintf("%q", hex.EncodeToString(sum[:16])))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(e.manifest)) // it knows If-None-Match
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
