package forge

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const (
	jobsMax    = 10       // failed jobs whose logs are read
	jobPages   = 10       // pages of jobs that are looked through
	jobLogMax  = 16 << 20 // bytes read of one log; of a longer one, the end
	jobTextMax = 48 << 10 // bytes kept of one log
	zipMax     = 64 << 20 // bytes of an archive
	readMax    = 1 << 28  // bytes read of anything, packed or not
)

// Logs returns what there is to read about a failure: the logs of the failed jobs if it was a workflow run, else the
// lines that came with the event. If the run's logs cannot be had, the error is ErrNoLogs and the text is what came
// with the event.
func (c *Client) Logs(ctx context.Context, f hotfix.Failure) (text redact.Text, err error) {
	trail := redact.Join(f.Logs, "\n")
	if f.Run == nil || f.Run.ID == 0 {
		return trail, nil
	}
	err = c.on(ctx, f.Plugin.Repo, func(s *session) error {
		text, err = c.runLogs(ctx, s, f.Plugin.Repo, f.Run.ID)
		return err
	})
	if err != nil {
		if errors.Is(err, ErrGone) || errors.Is(err, ErrForbidden) {
			err = fmt.Errorf("%w: %w", ErrNoLogs, err)
		}
		return trail, fmt.Errorf("logs of run %d in %s: %w", f.Run.ID, f.Plugin.Repo, err)
	}
	return text, nil
}

func (c *Client) runLogs(ctx context.Context, s *session, repo hotfix.Repo, run int64) (redact.Text, error) {
	jobs, err := failedJobs(ctx, s, repo, run)
	if err != nil {
		return redact.Text{}, err
	}
	if len(jobs) == 0 {
		return redact.Text{}, fmt.Errorf("%w: no failed job", ErrNoLogs)
	}
	var texts []redact.Text
	var archive *zip.Reader
	for _, j := range jobs[:min(len(jobs), jobsMax)] {
		raw, err := c.jobLog(ctx, s, repo, j.GetID())
		if errors.Is(err, ErrGone) && archive == nil {
			archive, err = c.archive(ctx, s, repo, run)
		}
		if archive != nil && raw == nil {
			raw, err = pickLog(archive, j.GetName())
		}
		if err != nil {
			return redact.Text{}, err
		}
		texts = append(texts, heading(j), Tidy(raw))
	}
	if n := len(jobs) - jobsMax; n > 0 {
		texts = append(texts, redact.Scrub(fmt.Sprintf("(%d more failed jobs are left out)", n)))
	}
	return redact.Join(texts, "\n"), nil
}

// failedJobs lists the jobs of the run's latest attempt that failed.
func failedJobs(ctx context.Context, s *session, repo hotfix.Repo, run int64) ([]*github.WorkflowJob, error) {
	var failed []*github.WorkflowJob
	opts := &github.ListWorkflowJobsOptions{Filter: "latest", ListOptions: github.ListOptions{PerPage: perPage}}
	for range jobPages {
		page, resp, err := s.gh.Actions.ListWorkflowJobs(ctx, repo.Owner, repo.Name, run, opts)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", explain(err))
		}
		for _, j := range page.Jobs {
			if slices.Contains(failures, j.GetConclusion()) {
				failed = append(failed, j)
			}
		}
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	return failed, nil
}

func heading(j *github.WorkflowJob) redact.Text {
	step := ""
	for _, st := range j.Steps {
		if st.GetConclusion() == "failure" {
			step = fmt.Sprintf(", step %q", st.GetName())
		}
	}
	return redact.Scrub(fmt.Sprintf("== job %q: %s%s", j.GetName(), j.GetConclusion(), step))
}

// jobLog reads one log as it is.
func (c *Client) jobLog(ctx context.Context, s *session, repo hotfix.Repo, job int64) ([]byte, error) {
	at, resp, err := s.gh.Actions.GetWorkflowJobLogs(ctx, repo.Owner, repo.Name, job, 1)
	return c.follow(ctx, at, resp, err, jobLogMax)
}

// archive reads the logs of the whole run, which GitHub sometimes has when it has none of a job.
func (c *Client) archive(ctx context.Context, s *session, repo hotfix.Repo, run int64) (*zip.Reader, error) {
	at, resp, err := s.gh.Actions.GetWorkflowRunLogs(ctx, repo.Owner, repo.Name, run, 1)
	data, err := c.follow(ctx, at, resp, err, zipMax)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("logs are no archive: %w", err)
	}
	return z, nil
}

// follow fetches what GitHub redirects to, without our credential: the address is signed, and another host's.
func (c *Client) follow(ctx context.Context, at *url.URL, resp *github.Response, err error, limit int64) ([]byte, error) {
	if resp != nil && resp.Response != nil && resp.StatusCode/100 == 4 { // go-github does not type this one
		status := &github.ErrorResponse{Response: resp.Response, Message: http.StatusText(resp.StatusCode)}
		return nil, fmt.Errorf("ask for logs: %w", explain(status))
	}
	if err != nil {
		return nil, fmt.Errorf("ask for logs: %w", explain(err))
	}
	if at.Scheme != "https" && at.Scheme != c.api.Scheme {
		return nil, errors.New("ask for logs: GitHub sent us to an address without encryption")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errors.New("ask for logs: GitHub sent us to no address") // the error would show the signature
	}
	plain := &http.Client{Transport: c.base, Timeout: c.cfg.HTTP.Timeout}
	got, err := plain.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the signed address
		}
		return nil, fmt.Errorf("read logs from %s: %w", at.Host, err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		kind := error(nil)
		if got.StatusCode == http.StatusNotFound || got.StatusCode == http.StatusGone {
			kind = ErrGone
		}
		return nil, fmt.Errorf("read logs from %s: %w", at.Host, &Refused{Status: got.StatusCode, Says: redact.Scrub(http.StatusText(got.StatusCode)), kind: kind})
	}
	data, err := tail(got.Body, limit)
	if err != nil {
		return nil, fmt.Errorf("read logs from %s: %w", at.Host, err)
	}
	return data, nil
}

// tail reads r and returns its last limit bytes, in memory of twice that.
func tail(r io.Reader, limit int64) ([]byte, error) {
	var last, now []byte
	r = io.LimitReader(r, readMax)
	for {
		buf := bytes.NewBuffer(make([]byte, 0, 64<<10))
		n, err := io.CopyN(buf, r, limit)
		last, now = now, buf.Bytes()
		if errors.Is(err, io.EOF) {
			both := append(last, now...)
			return both[max(0, int64(len(both))-limit):], nil
		}
		if err != nil || n < limit {
			return nil, cmp.Or(err, io.ErrUnexpectedEOF)
		}
	}
}

var unsafeInName = regexp.MustCompile(`[/\\:*?"<>|]`)

// pickLog finds a job's log in the archive of a run: "3_build test.txt" for "build / test".
func pickLog(z *zip.Reader, job string) ([]byte, error) {
	want := unsafeInName.ReplaceAllString(job, "")
	for _, f := range z.File {
		_, name, ok := strings.Cut(strings.TrimSuffix(f.Name, ".txt"), "_")
		if !ok || path.Base(f.Name) != f.Name || name != want {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("read log of %s: %w", job, err)
		}
		defer r.Close()
		return tail(r, jobLogMax)
	}
	return nil, fmt.Errorf("%w: the archive has none of job %s", ErrNoLogs, job)
}

var (
	escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`)
	stamps  = regexp.MustCompile(`(?m)^\x{feff}?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z `)
)

// Tidy makes text of a raw log: no colours and time stamps, no secrets, and of a long one the beginning and the end.
// Colours go first because they can cut a secret in two; the cut comes last because it can, too.
func Tidy(raw []byte) redact.Text {
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	s = stamps.ReplaceAllString(escapes.ReplaceAllString(s, ""), "")
	s = strings.ReplaceAll(strings.TrimPrefix(s, "\uFEFF"), "\r\n", "\n")
	clean := redact.Scrub(s).String()
	if len(clean) <= jobTextMax {
		return redact.Scrub(clean)
	}
	head, end := lineBefore(clean, jobTextMax/8), lineAfter(clean, len(clean)-jobTextMax*7/8)
	return redact.Scrub(fmt.Sprintf("%s\n(%d bytes left out)\n%s", clean[:head], end-head, clean[end:]))
}

func lineBefore(s string, at int) int {
	if n := strings.LastIndexByte(s[:at], '\n'); n > 0 {
		return n
	}
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}

func lineAfter(s string, at int) int {
	if n := strings.IndexByte(s[at:], '\n'); n >= 0 && at+n+1 < len(s) {
		return at + n + 1
	}
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return at
}
