package forgetest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is one way to fail. The zero value besides On fails with 500.
type Fault struct {
	On         string        // "POST /repos/o/r/issues": method and start of the path; "" is any call of the API
	Status     int           // 0 with Cut or Hang: the true answer, damaged; else 500
	Message    string        // "" is GitHub's usual one
	RetryAfter time.Duration // sent in seconds; with 403 or 429
	Primary    bool          // 403 or 429 because the hour's calls are used up
	Location   string        // with 301: the path of the API that it redirects to
	After      bool          // the operation is done, then the answer is lost
	Cut        bool          // the answer breaks off in the middle
	Hang       bool          // no answer until the caller gives up
}

type faults struct {
	queue []Fault
	rate  float64
	every Fault
	rand  *rand.Rand
}

// FailNext makes the next call that matches each fault fail, once.
func (f *Forge) FailNext(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.queue = append(f.faults.queue, faults...)
}

// FailRate makes that share of the matching calls fail, by a seeded source. A share of 0 ends it.
func (f *Forge) FailRate(seed uint64, share float64, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.rate, f.faults.every, f.faults.rand = share, fault, rand.New(rand.NewPCG(seed, seed))
}

// ClearFaults ends all faults.
func (f *Forge) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults{}
}

// next returns the fault this call meets, or nil.
func (fs *faults) next(call string) *Fault {
	match := func(x Fault) bool { return strings.HasPrefix(call, x.On) }
	if i := slices.IndexFunc(fs.queue, match); i >= 0 {
		x := fs.queue[i]
		fs.queue = slices.Delete(fs.queue, i, i+1)
		return x.complete()
	}
	if fs.rate > 0 && match(fs.every) && fs.rand.Float64() < fs.rate {
		x := fs.every
		return x.complete()
	}
	return nil
}

func (x Fault) complete() *Fault {
	if x.Cut || x.Hang {
		x.After = true
	}
	if x.Status == 0 && !x.Cut && !x.Hang {
		x.Status = http.StatusInternalServerError
	}
	return &x
}

func (x *Fault) reply(api string, now time.Time) reply {
	message := x.Message
	limited := x.Status == http.StatusForbidden || x.Status == http.StatusTooManyRequests
	switch {
	case message != "":
	case limited && x.Primary:
		message = "API rate limit exceeded for installation."
	case limited:
		message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	case x.Status == http.StatusUnprocessableEntity:
		message = "Validation Failed"
	default:
		message = http.StatusText(x.Status)
	}
	rep := fail(x.Status, message)
	rep.header = http.Header{}
	if x.Location != "" {
		rep.header.Set("Location", api+x.Location)
	}
	if x.RetryAfter > 0 {
		rep.header.Set("Retry-After", strconv.Itoa(int(x.RetryAfter.Seconds())))
	}
	if limited && !x.Primary && x.Message == "" {
		rep.body.(object)["documentation_url"] = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	if x.Primary {
		rep.header.Set("X-RateLimit-Remaining", "0")
		rep.header.Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(time.Hour).Unix(), 10))
	}
	return rep
}

// A rate is how much of its hour a token has used.
type rate struct {
	used  int
	reset time.Time
}

// Limit sets how many calls each token has in an hour, 5000 at first, and starts their hours anew.
func (f *Forge) Limit(calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit, f.rates = calls, map[string]*rate{}
}

func (f *Forge) rate(token string) *rate {
	r := f.rates[token]
	if r == nil || f.Now().After(r.reset) {
		r = &rate{reset: f.Now().Add(time.Hour)}
		f.rates[token] = r
	}
	return r
}

func (f *Forge) overLimit(q *query) *reply {
	if r := f.rate(q.token); r.used < f.limit {
		return nil
	}
	rep := fail(http.StatusForbidden, "API rate limit exceeded for installation.")
	return &rep
}

// rateHeader counts the call and returns the headers that say so. An answer that the caller had already is free.
func (f *Forge) rateHeader(q *query, status int) http.Header {
	r := f.rate(q.token)
	if status != http.StatusNotModified && status < http.StatusInternalServerError {
		r.used = min(r.used+1, f.limit)
	}
	return http.Header{
		"Date":                  {f.Now().UTC().Format(http.TimeFormat)},
		"X-Ratelimit-Limit":     {strconv.Itoa(f.limit)},
		"X-Ratelimit-Remaining": {strconv.Itoa(f.limit - r.used)},
		"X-Ratelimit-Used":      {strconv.Itoa(r.used)},
		"X-Ratelimit-Reset":     {strconv.FormatInt(r.reset.Unix(), 10)},
		"X-Ratelimit-Resource":  {"core"},
	}
}

// Calls returns every request the API and git got so far, oldest first.
func (f *Forge) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Writes returns the calls that changed something.
func (f *Forge) Writes() []Call {
	return slices.DeleteFunc(f.Calls(), func(c Call) bool { return c.Write == "" })
}

// ResetCalls forgets the calls so far.
func (f *Forge) ResetCalls() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}
