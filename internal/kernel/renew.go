package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Renewer exchanges the kernel's tokens for fresh ones before they run out, for work that takes longer than the hour
// they live. It knows the tokens of the deliveries that it was shown.
type Renewer struct {
	address string
	client  *http.Client
	now     func() time.Time

	mu     sync.Mutex
	grants map[redact.Secret]*grant // by the token that was delivered
}

// A grant is what a delivered token stands for now.
type grant struct {
	mu          sync.Mutex
	token       redact.Secret
	attestation redact.Secret
	expires     time.Time
	headers     map[string]string
}

const (
	renewEarly = 10 * time.Minute // before a token runs out
	grantsMax  = 1024
	renewMax   = 64 << 10 // bytes of an answer
)

// NewRenewer returns a renewer for the kernel at address, which gets tokens and so must be https, or this machine.
func NewRenewer(address string, client *http.Client, now func() time.Time) (*Renewer, error) {
	u, err := url.Parse(address)
	local := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, errors.New("kernel: the address for renewing tokens must be https://..., without credentials in it")
	}
	if client == nil {
		client = &http.Client{Timeout: 20 * time.Second}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // tokens go nowhere else
	if now == nil {
		now = time.Now
	}
	return &Renewer{address: strings.TrimRight(address, "/") + "/internal/agent/refresh-token", client: &own, now: now,
		grants: map[redact.Secret]*grant{}}, nil
}

// Learn takes note of a delivery's token. Without an attestation it cannot be renewed.
func (r *Renewer) Learn(d *Delivery) { r.learn(d.Token, d.Attestation) }

func (r *Renewer) learn(token, attestation redact.Secret) {
	if attestation.Empty() || token.Empty() {
		return
	}
	claims := claimsOf(attestation)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.grants) >= grantsMax {
		for token, g := range r.grants {
			if r.now().After(g.expires) {
				delete(r.grants, token)
			}
		}
	}
	if _, known := r.grants[token]; known || len(r.grants) >= grantsMax {
		return
	}
	r.grants[token] = &grant{token: token, attestation: attestation, expires: time.Unix(claims.num("exp"), 0), headers: map[string]string{
		"X-GitHub-Owner": claims.str("owner"), "X-GitHub-Repo": claims.str("repo"), "X-GitHub-Installation-Id": numeral(claims.get("installation_id"))}}
}

// Token returns what the delivered token is now: itself while it is good, a fresh one after that.
func (r *Renewer) Token(ctx context.Context, delivered redact.Secret) (redact.Secret, error) {
	token, _, err := r.current(ctx, delivered, redact.Secret{})
	return token, err
}

// Renew returns what a delivered token and the kernel's word for it are now. The delivery need not have been shown before:
// the daemon may have been started anew since.
func (r *Renewer) Renew(ctx context.Context, token, attestation redact.Secret) (redact.Secret, redact.Secret, error) {
	r.learn(token, attestation)
	return r.current(ctx, token, attestation)
}

func (r *Renewer) current(ctx context.Context, delivered, attestation redact.Secret) (redact.Secret, redact.Secret, error) {
	r.mu.Lock()
	g := r.grants[delivered]
	r.mu.Unlock()
	if g == nil {
		return delivered, attestation, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.now().Before(g.expires.Add(-renewEarly)) {
		return g.token, g.attestation, nil
	}
	if err := r.renew(ctx, g); err != nil {
		return g.token, g.attestation, fmt.Errorf("renew the kernel's token: %w", err)
	}
	return g.token, g.attestation, nil
}

// ErrExpired means that the credentials of a delivery are no good any more. The error also has a method Expired.
var ErrExpired error = expired{}

type expired struct{}

func (expired) Error() string {
	return "the kernel's token of this delivery has run out; --kernel-url says where fresh ones are to be had"
}
func (expired) Expired() bool { return true }

// Lapsed reports whether an attestation, and the token that it is about, have run out. One that has no date never does.
func Lapsed(attestation redact.Secret, now time.Time) bool {
	exp := claimsOf(attestation).num("exp")
	return exp != 0 && now.After(time.Unix(exp, 0))
}

func (r *Renewer) renew(ctx context.Context, g *grant) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+g.token.Reveal())
	req.Header.Set("X-Ubiquity-Kernel-Token", g.attestation.Reveal())
	for name, value := range g.headers {
		req.Header.Set(name, value)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, renewMax))
	if err != nil {
		return err
	}
	var fresh struct {
		Token       string    `json:"authToken"`
		Attestation string    `json:"ubiquityKernelToken"`
		Expires     time.Time `json:"expiresAt"`
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the kernel answers %d", res.StatusCode)
	}
	if json.Unmarshal(body, &fresh) != nil || fresh.Token == "" {
		return errors.New("the kernel's answer holds no token")
	}
	g.token = redact.NewSecret(fresh.Token)
	if fresh.Attestation != "" {
		g.attestation = redact.NewSecret(fresh.Attestation)
	}
	if g.expires = fresh.Expires; g.expires.IsZero() {
		g.expires = r.now().Add(hour)
	}
	return nil
}
