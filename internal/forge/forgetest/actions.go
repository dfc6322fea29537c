package forgetest

import (
	"archive/zip"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Run is a workflow run to be seeded.
type Run struct {
	ID              int64 // 0: given by AddRun
	Suite           int64 // of checks that it belongs to
	Name            string
	SHA, Branch     string
	Event           string
	Conclusion      string // "failure" if empty
	Attempt         int    // 1 if 0
	Jobs            []Job
	NoLogs, ZipOnly bool // logs are gone (410); or only the archive of the whole run is there
}

// A Job is one job of a run.
type Job struct {
	ID         int64 // 0: given by AddRun
	Name       string
	Conclusion string // "failure" if empty
	Steps      []Step
	Log        string // as Actions writes it, time stamps and all
}

// A Step is one step of a job.
type Step struct {
	Name, Conclusion   string
	Started, Completed time.Time // may be zero; GitHub tells whole seconds
}

type run struct{ Run }

type check struct {
	id, suite                            int64
	name, sha, status, conclusion, login string
	title, summary                       string
}

// AddRun seeds a completed workflow run and returns it with its ids.
func (f *Forge) AddRun(name hotfix.Repo, r Run) (Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rp, err := f.repo(name)
	if err != nil {
		return r, err
	}
	if r.ID == 0 {
		r.ID = f.nextID()
	}
	if r.Conclusion == "" {
		r.Conclusion = "failure"
	}
	r.Attempt = max(r.Attempt, 1)
	r.Jobs = slices.Clone(r.Jobs)
	for i := range r.Jobs {
		if r.Jobs[i].ID == 0 {
			r.Jobs[i].ID = f.nextID()
		}
		if r.Jobs[i].Conclusion == "" {
			r.Jobs[i].Conclusion = "failure"
		}
	}
	if r.Branch == "" {
		r.Branch = rp.Branch
	}
	if r.SHA == "" {
		r.SHA, _ = f.resolve(rp, "refs/heads/"+r.Branch)
	}
	rp.runs = append(rp.runs, &run{r})
	return r, nil
}

func actionRoutes() []route {
	const actions = "/repos/{owner}/{repo}/actions"
	return []route{
		{"GET " + actions + "/runs", "actions", (*Forge).listRuns},
		{"GET " + actions + "/runs/{run}", "actions", onRun((*Forge).getRun)},
		{"GET " + actions + "/runs/{run}/jobs", "actions", onRun((*Forge).listJobs)},
		{"GET " + actions + "/runs/{run}/logs", "actions", onRun((*Forge).runLogs)},
		{"GET " + actions + "/jobs/{job}/logs", "actions", (*Forge).jobLogs},
		{"GET /repos/{owner}/{repo}/check-suites/{suite}/check-runs", "checks", (*Forge).listSuite},
		{"POST /repos/{owner}/{repo}/check-runs", "checks+", (*Forge).createCheck},
	}
}

func onRun(do func(*Forge, *query, *run) reply) func(*Forge, *query) reply {
	return func(f *Forge, q *query) reply {
		for _, r := range q.repo.runs {
			if fmt.Sprint(r.ID) == q.PathValue("run") {
				return do(f, q, r)
			}
		}
		return notFound()
	}
}

func (f *Forge) runJSON(rp *repo, r *run) object {
	return object{"id": r.ID, "name": r.Name, "head_sha": r.SHA, "head_branch": r.Branch, "event": r.Event, "status": "completed",
		"conclusion": r.Conclusion, "run_attempt": r.Attempt, "html_url": fmt.Sprintf("%s/%s/actions/runs/%d", f.URL(), rp.name, r.ID),
		"repository": object{"full_name": rp.name.String()}}
}

func (f *Forge) listRuns(q *query) reply {
	v := q.URL.Query()
	var out []object
	for _, r := range slices.Backward(q.repo.runs) {
		if s := v.Get("status"); s != "" && s != "completed" && s != r.Conclusion {
			continue
		}
		if s := v.Get("check_suite_id"); s != "" && s != fmt.Sprint(r.Suite) {
			continue
		}
		if (v.Get("head_sha") == "" || v.Get("head_sha") == r.SHA) && (v.Get("branch") == "" || v.Get("branch") == r.Branch) {
			out = append(out, f.runJSON(q.repo, r))
		}
	}
	page, head := paged(f, q, out)
	return reply{status: http.StatusOK, header: head, body: object{"total_count": len(out), "workflow_runs": append([]object{}, page...)}}
}

func (f *Forge) getRun(q *query, r *run) reply { return ok(f.runJSON(q.repo, r)) }

func (f *Forge) listJobs(q *query, r *run) reply {
	var out []object
	for _, j := range r.Jobs {
		steps := []object{}
		for n, s := range j.Steps {
			step := object{"name": s.Name, "number": n + 1, "status": "completed", "conclusion": s.Conclusion}
			if !s.Started.IsZero() {
				step["started_at"], step["completed_at"] = s.Started.Truncate(time.Second), s.Completed.Truncate(time.Second)
			}
			steps = append(steps, step)
		}
		out = append(out, object{"id": j.ID, "run_id": r.ID, "name": j.Name, "status": "completed", "conclusion": j.Conclusion,
			"head_sha": r.SHA, "run_attempt": r.Attempt, "steps": steps})
	}
	page, head := paged(f, q, out)
	return reply{status: http.StatusOK, header: head, body: object{"total_count": len(out), "jobs": append([]object{}, page...)}}
}

func (f *Forge) jobLogs(q *query) reply {
	for _, r := range q.repo.runs {
		for _, j := range r.Jobs {
			if fmt.Sprint(j.ID) != q.PathValue("job") {
				continue
			}
			if r.NoLogs || r.ZipOnly {
				return fail(http.StatusGone, "Server Error: logs are gone")
			}
			return f.toBlob(fmt.Sprintf("/jobs/%d.txt", j.ID))
		}
	}
	return notFound()
}

func (f *Forge) runLogs(q *query, r *run) reply {
	if r.NoLogs {
		return fail(http.StatusGone, "Server Error: logs are gone")
	}
	return f.toBlob(fmt.Sprintf("/runs/%d.zip", r.ID))
}

// toBlob redirects to the storage host with a signed address that ends soon.
func (f *Forge) toBlob(path string) reply {
	until := strconv.FormatInt(f.Now().Unix()+60, 10)
	return reply{status: http.StatusFound, header: http.Header{"Location": {f.blob + path + "?until=" + until + "&sig=" + f.sign(path+until)}}}
}

func (f *Forge) sign(s string) string {
	m := hmac.New(sha256.New, []byte(f.dir+f.token))
	m.Write([]byte(s))
	return hex.EncodeToString(m.Sum(nil))
}

// serveBlob is the storage host. Like the real one it refuses requests that carry credentials of another system.
func (f *Forge) serveBlob(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, data := f.blobData(r)
	f.calls = append(f.calls, Call{Method: r.Method, Path: "blob:" + r.URL.Path, Login: r.Header.Get("Authorization"), Status: status})
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func (f *Forge) blobData(r *http.Request) (int, []byte) {
	v := r.URL.Query()
	if r.Header.Get("Authorization") != "" {
		return http.StatusBadRequest, []byte("InvalidAuthenticationInfo")
	}
	if until, _ := strconv.ParseInt(v.Get("until"), 10, 64); v.Get("sig") != f.sign(r.URL.Path+v.Get("until")) || f.Now().Unix() > until {
		return http.StatusForbidden, []byte("AuthenticationFailed")
	}
	for _, rp := range f.repos {
		for _, rn := range rp.runs {
			if r.URL.Path == fmt.Sprintf("/runs/%d.zip", rn.ID) {
				return http.StatusOK, archive(rn)
			}
			for _, j := range rn.Jobs {
				if r.URL.Path == fmt.Sprintf("/jobs/%d.txt", j.ID) {
					return http.StatusOK, []byte("\ufeff" + j.Log)
				}
			}
		}
	}
	return http.StatusNotFound, nil
}

// archive lays logs out as Actions does: one file for each job.
func archive(r *run) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for n, j := range r.Jobs {
		name := strings.Map(func(c rune) rune {
			if strings.ContainsRune(`/\:*?"<>|`, c) {
				return -1
			}
			return c
		}, j.Name)
		w, err := z.Create(fmt.Sprintf("%d_%s.txt", n, name))
		if err != nil {
			return nil
		}
		_, _ = w.Write([]byte(j.Log)) // memory
	}
	_ = z.Close()
	return buf.Bytes()
}

func (f *Forge) createCheck(q *query) reply {
	var in struct {
		Name       string `json:"name"`
		HeadSHA    string `json:"head_sha"`
		Status     string `json:"status"`
		Conclusion string `json:"conclusion"`
		Output     struct{ Title, Summary string }
	}
	if err := q.read(&in); err != nil || in.Name == "" {
		return fail(http.StatusUnprocessableEntity, "Invalid request.")
	}
	if _, err := f.resolve(q.repo, in.HeadSHA); err != nil {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+in.HeadSHA)
	}
	if q.who.user {
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	c := &check{id: f.nextID(), name: in.Name, sha: in.HeadSHA, status: in.Status, conclusion: in.Conclusion, login: q.who.Login,
		title: in.Output.Title, summary: in.Output.Summary}
	if c.conclusion != "" {
		c.status = "completed"
	}
	q.repo.checks = append(q.repo.checks, c)
	q.wrote = "create check " + in.Name
	return created(checkJSON(c))
}

func checkJSON(c *check) object {
	return object{"id": c.id, "name": c.name, "head_sha": c.sha, "status": c.status, "conclusion": nullable(c.conclusion),
		"output": object{"title": c.title, "summary": c.summary}, "app": object{"slug": strings.TrimSuffix(c.login, "[bot]")}}
}

// AddCheck seeds a completed check on a commit.
func (f *Forge) AddCheck(name hotfix.Repo, sha, check, conclusion string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return err
	}
	r.checks = append(r.checks, newCheck(f.nextID(), sha, check, conclusion))
	return nil
}

// AddSuiteCheck seeds a completed check of a suite, with the title of its output.
func (f *Forge) AddSuiteCheck(name hotfix.Repo, suite int64, check, conclusion, title string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return err
	}
	c := newCheck(f.nextID(), "", check, conclusion)
	c.suite, c.title = suite, title
	r.checks = append(r.checks, c)
	return nil
}

func (f *Forge) listSuite(q *query) reply {
	var out []object
	for _, c := range q.repo.checks {
		if fmt.Sprint(c.suite) == q.PathValue("suite") {
			out = append(out, checkJSON(c))
		}
	}
	page, head := paged(f, q, out)
	return reply{status: http.StatusOK, header: head, body: object{"total_count": len(out), "check_runs": append([]object{}, page...)}}
}

func newCheck(id int64, sha, name, conclusion string) *check {
	return &check{id: id, name: name, sha: sha, status: "completed", conclusion: conclusion, login: "github-actions[bot]"}
}

func (f *Forge) listChecks(q *query, ref string) reply {
	hash, err := f.resolve(q.repo, ref)
	if err != nil {
		return notFound()
	}
	var out []object
	for _, c := range q.repo.checks {
		if c.sha == hash {
			out = append(out, checkJSON(c))
		}
	}
	page, head := paged(f, q, out)
	return reply{status: http.StatusOK, header: head, body: object{"total_count": len(out), "check_runs": append([]object{}, page...)}}
}
