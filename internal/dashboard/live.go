package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// beat is how often a silent stream says that it is still there.
const beat = 15 * time.Second

// A stream is a page that is told of news as they happen.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send writes one event. Its text may have several lines.
func (s *stream) send(event, text string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "event: %s\n", event)
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", ""), "\n") {
		fmt.Fprintf(&b, "data: %s\n", line)
	}
	b.WriteByte('\n')
	if _, err := s.w.Write([]byte(b.String())); err != nil {
		return err
	}
	return s.control.Flush()
}

// follow looks for news until the viewer leaves or look says that there will be none.
func (d *Dashboard) follow(w http.ResponseWriter, r *http.Request, look func(context.Context, *stream) (done bool, err error)) {
	if d.live.Add(1) > liveMax {
		d.live.Add(-1)
		d.fail(w, r, http.StatusServiceUnavailable, "Too many pages are live at once.")
		return
	}
	defer d.live.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &stream{w, http.NewResponseController(w)}
	if _, err := fmt.Fprint(w, "retry: 2000\n\n"); err != nil || s.control.Flush() != nil {
		return
	}
	poll := time.NewTicker(d.cfg.Poll)
	defer poll.Stop()
	quiet := time.NewTicker(beat)
	defer quiet.Stop()
	for {
		done, err := look(r.Context(), s)
		if err != nil && r.Context().Err() == nil {
			d.cfg.Log.Warn("live page ended", "page", r.URL.Path, "err", err)
		}
		if done || err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-d.done:
			return
		case <-quiet.C:
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil || s.control.Flush() != nil {
				return
			}
		case <-poll.C:
		}
	}
}

// changes sends "changed" whenever mark has another value.
func (d *Dashboard) changes(w http.ResponseWriter, r *http.Request, mark func(context.Context) (string, error)) {
	last := ""
	d.follow(w, r, func(ctx context.Context, s *stream) (bool, error) {
		now, err := mark(ctx)
		if err != nil {
			return false, err
		}
		was := last
		last = now
		if was == "" || was == now {
			return false, nil
		}
		return false, s.send("changed", "")
	})
}

// liveOverview says that something changed, whoever may see what.
func (d *Dashboard) liveOverview(w http.ResponseWriter, r *http.Request) {
	d.changes(w, r, d.cfg.Store.Pulse)
}

func (d *Dashboard) liveCase(w http.ResponseWriter, r *http.Request) {
	fp := hotfix.Fingerprint(r.PathValue("case"))
	d.changes(w, r, func(ctx context.Context) (string, error) {
		if err := d.stillSees(r, fp); err != nil {
			return "", err
		}
		return d.cfg.Store.CasePulse(ctx, fp)
	})
}

// liveRun sends each step of a run as it ends, as the HTML that the page would have, and at last that it is over. A
// browser that comes back says which step it has.
func (d *Dashboard) liveRun(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("run")
	fp := caseOf(id)
	sent, last := map[int]string{}, ""
	d.follow(w, r, func(ctx context.Context, s *stream) (bool, error) {
		if err := d.stillSees(r, fp); err != nil {
			return true, err
		}
		row, err := d.cfg.Store.RunRow(ctx, id)
		if err != nil {
			return true, nil //nolint:nilerr // the run is not there yet or no more; the browser asks again
		}
		mark := fmt.Sprint(row.Saved.UnixMicro(), row.Stop)
		if mark == last {
			return false, nil
		}
		last = mark
		run, err := d.cfg.Store.Run(ctx, id)
		if err != nil {
			return false, err
		}
		for _, step := range steps(run) {
			var b bytes.Buffer
			if err := pages["run"].ExecuteTemplate(&b, "step", step); err != nil {
				return false, err
			}
			if html := b.String(); sent[step.N] != html {
				sent[step.N] = html
				if err := s.send("step", html); err != nil {
					return false, err
				}
			}
		}
		if run.Stop != "" {
			return true, s.send("over", "")
		}
		return false, nil
	})
}

// stillSees looks again, while a page is live, whether its viewer may see the case.
func (d *Dashboard) stillSees(r *http.Request, fp hotfix.Fingerprint) error {
	v := who(r)
	if v.sees.All() {
		return nil
	}
	sees, err := d.view(r.Context(), v)
	if err != nil {
		return err
	}
	c, err := d.cfg.Store.Case(r.Context(), fp)
	if err == nil && !sees.Shows(c.Repo) {
		err = store.ErrNotFound
	}
	return err
}
