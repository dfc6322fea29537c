package forgetest

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

type app struct {
	id   int64
	slug string
	key  *rsa.PublicKey
	at   map[int64]string // owner by installation

	permissions map[string]string
	events      []string
}

func appRoutes() []route {
	return []route{
		{"GET /app", "", onApp(func(_ *Forge, _ *query, a *app) reply {
			return ok(object{"id": a.id, "slug": a.slug, "name": a.slug, "permissions": a.permissions, "events": a.events})
		})},
		{"POST /app/installations/{id}/access_tokens", "", onApp((*Forge).installationToken)},
		// Other names than {owner}/{repo}: an app asks with its own token, not with one that sees repositories.
		{"GET /repos/{appowner}/{apprepo}/installation", "", onApp((*Forge).findInstallation)},
		{"GET /user", "", (*Forge).getUser},
		{"GET /users/{login}", "", func(f *Forge, q *query) reply {
			if _, known := f.accounts[strings.ToLower(q.PathValue("login"))]; !known {
				return notFound()
			}
			return ok(f.userJSON(q.PathValue("login")))
		}},
		{"GET /rate_limit", "", (*Forge).rateLimit},
	}
}

// AddApp registers a GitHub App, installed wherever a repository does not say otherwise, and returns its private key.
// The app acts as its slug with "[bot]".
func (f *Forge) AddApp(id int64, slug string) (key redact.Secret, err error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return key, fmt.Errorf("add app %s: %w", slug, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps[id] = &app{id: id, slug: slug, key: &private.PublicKey, at: map[int64]string{}}
	f.account(slug + "[bot]")
	block := &pem.Block{Type: "RSA " + "PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}
	return redact.NewSecret(string(pem.EncodeToMemory(block))), nil
}

// Grant says what an app's owner has given it: permissions, and events to hear of. Calls are not checked against them.
func (f *Forge) Grant(id int64, permissions map[string]string, events ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps[id].permissions, f.apps[id].events = permissions, events
}

// onApp checks the app's JSON web token: signature, issuer, times.
func onApp(do func(*Forge, *query, *app) reply) func(*Forge, *query) reply {
	return func(f *Forge, q *query) reply {
		signed, sig, _ := cutLast(q.token, ".")
		_, payload, _ := strings.Cut(signed, ".")
		data, err := base64.RawURLEncoding.DecodeString(payload)
		var claims struct {
			Iss      json.RawMessage `json:"iss"`
			Iat, Exp int64
		}
		if err != nil || json.Unmarshal(data, &claims) != nil {
			return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		id, _ := strconv.ParseInt(strings.Trim(string(claims.Iss), `"`), 10, 64)
		a := f.apps[id]
		raw, err := base64.RawURLEncoding.DecodeString(sig)
		sum := sha256.Sum256([]byte(signed))
		if a == nil || err != nil || rsa.VerifyPKCS1v15(a.key, crypto.SHA256, sum[:], raw) != nil {
			return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		if now := f.Now().Unix(); claims.Exp < now || claims.Exp > claims.Iat+660 || claims.Iat > now {
			return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
		}
		return do(f, q, a)
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func (f *Forge) findInstallation(q *query, a *app) reply {
	r, err := f.repo(hotfix.Repo{Owner: q.PathValue("appowner"), Name: q.PathValue("apprepo")})
	if err != nil || r.NotInstalled {
		return notFound()
	}
	owner := strings.ToLower(r.name.Owner)
	for id, at := range a.at {
		if at == owner {
			return ok(object{"id": id, "app_id": a.id, "app_slug": a.slug, "account": f.userJSON(r.name.Owner)})
		}
	}
	id := f.nextID()
	a.at[id] = owner
	return ok(object{"id": id, "app_id": a.id, "app_slug": a.slug, "account": f.userJSON(r.name.Owner)})
}

// Reinstall ends all installations of an app and their tokens. It is installed again, with new numbers, at once.
func (f *Forge) Reinstall(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[id]
	clear(a.at)
	for t, access := range f.access {
		if access.Login == a.slug+"[bot]" && !access.until.IsZero() {
			delete(f.access, t)
		}
	}
}

func (f *Forge) installationToken(q *query, a *app) reply {
	id, _ := strconv.ParseInt(q.PathValue("id"), 10, 64)
	owner, known := a.at[id]
	if !known {
		return notFound()
	}
	repos := []hotfix.Repo{}
	for _, r := range f.repos {
		if strings.EqualFold(r.name.Owner, owner) && !r.NotInstalled && r.movedTo == nil {
			repos = append(repos, r.name)
		}
	}
	until := f.Now().Add(time.Hour)
	t := f.newToken("ghs_")
	f.access[t] = &Access{Login: a.slug + "[bot]", Repos: repos, until: until}
	return created(object{"token": t, "expires_at": stamp(until), "permissions": object{"issues": "write", "contents": "write", "pull_requests": "write"}})
}

// getUser refuses tokens of installations, as GitHub does.
func (f *Forge) getUser(q *query) reply {
	switch {
	case q.who == nil:
		return fail(http.StatusUnauthorized, "Requires authentication")
	case !q.who.user:
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(f.userJSON(q.who.Login))
}

// graphql knows one query, who am I, and what arms auto-merge.
func (f *Forge) graphql(q *query) reply {
	var in struct {
		Query     string
		Variables struct{ ID string }
	}
	if q.who == nil {
		return fail(http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
	}
	err := q.read(&in)
	if err == nil && strings.HasPrefix(in.Query, "mutation") {
		return f.mutation(q, in.Query, in.Variables.ID)
	}
	if err != nil || !strings.Contains(in.Query, "viewer") {
		return ok(object{"errors": []object{{"message": "forgetest knows the viewer query only"}}})
	}
	a := f.account(q.who.Login)
	return ok(object{"data": object{"viewer": object{"login": a.Login, "databaseId": a.ID}}})
}

func (f *Forge) rateLimit(q *query) reply {
	r := f.rate(q.token)
	core := object{"limit": f.limit, "remaining": cmp.Or(f.limit-r.used, 0), "reset": r.reset.Unix(), "used": r.used}
	return ok(object{"resources": object{"core": core}, "rate": core})
}
