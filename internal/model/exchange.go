package model

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An exchange is one question and its tries. langchaingo takes it for its HTTP client: that is where questions are
// mended before they go out and replies before they are read, and where errors keep their types.
type exchange struct {
	m     *remote
	ctx   context.Context // of the question; langchaingo's request carries the same
	opts  sent
	args  mended
	used  Usage // by tries that came to nothing
	tries int
	got   *reply
	err   error
}

// sent is what a question asks for beyond the messages.
type sent struct {
	temperature *float64
	choice      any
	limit       int
}

// A reply is what came back, mended.
type reply struct {
	body         map[string]any // as langchaingo reads it
	calls        []llms.ToolCall
	usage        Usage
	id           string
	stop, finish string // why it ended: in our word, and in the provider's
	empty        bool
}

const (
	replyMax  = 32 << 20
	firstWait = time.Second
	waitMax   = 30 * time.Second
	// lessonsMax bounds how often one question is put another way, should an endpoint never be content.
	lessonsMax = 4
)

// Do sends a question of langchaingo's until there is a usable reply, or no hope.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	x.got, x.err = x.do(req)
	if x.err != nil {
		return nil, x.err
	}
	data := []byte(encode(x.got.body))
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(data)), ContentLength: int64(len(data)), Request: req}, nil
}

func (x *exchange) do(req *http.Request) (*reply, error) {
	body, err := x.question(req)
	if err != nil {
		return nil, fmt.Errorf("%s: prepare the question: %w", x.m.Name(), err)
	}
	ctx, cancel := context.WithTimeout(req.Context(), x.m.cfg.Patience)
	defer cancel()
	waited, again, learned := firstWait, 0, 0
	for {
		x.tries++
		got, err := x.try(ctx, req, body)
		if err == nil {
			return got, nil
		}
		var e *APIError
		if !errors.As(err, &e) {
			return nil, err
		}
		e.Model, e.Tries, e.Usage = x.m.Name(), x.tries, x.used
		if lesson, ok := learn(e, body, x.opts); ok && learned < lessonsMax {
			learned++
			x.m.cfg.Log.Info("the model's endpoint wants another form of question", "model", e.Model, "change", lesson.String())
			x.m.remember(lesson)
			lesson.apply(body)
			continue
		}
		again++
		if !e.Temporary() || again > x.m.cfg.Retries || (errors.Is(e, ErrEmpty) && again > 1) {
			return nil, e
		}
		if err := x.pause(ctx, e, waited); err != nil {
			return nil, err
		}
		waited = min(2*waited, waitMax)
	}
}

// question reads what langchaingo wants to send and mends it.
func (x *exchange) question(req *http.Request) (object, error) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var body object
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, err
	}
	if err := x.m.wire.request(body, x); err != nil {
		return nil, err
	}
	for _, l := range x.m.lessons() {
		l.apply(body)
	}
	return body, nil
}

// pause waits before the next try, if what is left of our patience allows it.
func (x *exchange) pause(ctx context.Context, e *APIError, backoff time.Duration) error {
	d := backoff/2 + rand.N(backoff/2+1)
	if e.RetryAfter > 0 {
		d = e.RetryAfter
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return e
	}
	x.m.cfg.Log.Warn("the model gave no usable reply", "model", e.Model, "try", x.tries, "wait", d, "err", e.Error())
	if err := x.m.cfg.Wait(ctx, d); err != nil {
		return e
	}
	return nil
}

// try sends the question once.
func (x *exchange) try(ctx context.Context, req *http.Request, body object) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, x.m.cfg.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, req.Method, req.URL.String(), strings.NewReader(encode(body)))
	if err != nil {
		return nil, err
	}
	r.Header = req.Header.Clone()
	r.Header.Set("User-Agent", "daemon-hotfix")
	if x.m.cfg.Headers != nil {
		extra, err := x.m.cfg.Headers(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: headers: %w", x.m.Name(), err)
		}
		for k, v := range extra {
			r.Header[http.CanonicalHeaderKey(k)] = v
		}
	}
	resp, err := x.m.client.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, replyMax+1))
	return x.read(resp, raw, err)
}

// read makes a reply of what came back.
func (x *exchange) read(resp *http.Response, raw []byte, readErr error) (*reply, error) {
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, &APIError{Status: resp.StatusCode, Message: "the address redirects elsewhere: set the base URL to where the API is"}
	case resp.StatusCode != http.StatusOK:
		return nil, refused(resp.StatusCode, resp.Header, raw)
	case readErr != nil:
		return nil, &APIError{Status: resp.StatusCode, kind: ErrReply, Message: "it was cut off: " + inner(readErr)}
	case len(raw) > replyMax:
		return nil, &APIError{Status: resp.StatusCode, kind: ErrReply, Message: "it is too long"}
	}
	if _, _, bad := readFault(raw); bad {
		return nil, refused(resp.StatusCode, resp.Header, raw)
	}
	got, err := x.m.wire.reply(raw, x.m)
	if got != nil {
		x.used = x.used.plus(got.usage)
	}
	if err == nil && got.empty && got.stop != stopLength {
		err = &APIError{kind: ErrEmpty, Type: got.finish}
	}
	var e *APIError
	if errors.As(err, &e) {
		e.Status, e.RequestID = resp.StatusCode, cmp.Or(e.RequestID, resp.Header.Get("X-Request-Id"), resp.Header.Get("Request-Id"))
		e.Body = redact.Scrub(clip(string(raw), bodyMax))
	}
	return got, err
}

// unreachable makes an error of a request without a reply. The address is left out, since it may hold a secret.
func unreachable(err error) error {
	e := &APIError{kind: ErrNetwork, Message: redact.Scrub(inner(err)).String()}
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		e.kind = nil // it will be no better next time
	}
	return e
}

func inner(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no reply in time"
	}
	return err.Error()
}

// response makes the one choice of the reply: text and calls that langchaingo read, counts and reasons that it lost.
func (x *exchange) response(resp *llms.ContentResponse) *llms.ContentResponse {
	choice := &llms.ContentChoice{StopReason: x.got.stop}
	var texts []string
	for _, c := range resp.Choices {
		if c == nil {
			continue
		}
		if strings.TrimSpace(c.Content) != "" {
			texts = append(texts, c.Content)
		}
	}
	choice.ToolCalls = x.got.calls
	if x.got.stop == stopLength {
		texts = append(texts, cutNote(choice.ToolCalls, x.opts.limit))
		choice.ToolCalls = nil
	}
	choice.Content = strings.Join(texts, "\n")
	if len(choice.ToolCalls) > 0 {
		choice.FuncCall = choice.ToolCalls[0].FunctionCall
	}
	if x.used.Cost == 0 { // whoever of a chain answered, the price is its own
		x.used.Cost, _ = Price(x.m.cfg.Name, x.used)
	}
	choice.GenerationInfo = x.used.info()
	choice.GenerationInfo[keyProvider] = x.m.Name()
	choice.GenerationInfo[keyID] = x.got.id
	choice.GenerationInfo[keyFinish] = x.got.finish
	choice.GenerationInfo[keyTries] = x.tries
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}
}

// cutNote says in the reply's own text that it hit the limit. Its last call, and so all of them, cannot be trusted.
func cutNote(calls []llms.ToolCall, limit int) string {
	if len(calls) == 0 {
		return fmt.Sprintf("[the reply was cut here, at its limit of %d tokens]", limit)
	}
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.FunctionCall.Name
	}
	return fmt.Sprintf("[the reply was cut here, at its limit of %d tokens; its calls of %s may be incomplete and were not made]",
		limit, strings.Join(names, ", "))
}
