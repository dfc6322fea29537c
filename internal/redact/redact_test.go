package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// redactedIn is text with what stands between « and » taken out; want is what Scrub shall make of the rest.
func marked(text string) (plain, want string) {
	var b, w strings.Builder
	for rest := text; ; {
		open := strings.Index(rest, "«")
		if open < 0 {
			b.WriteString(rest)
			w.WriteString(rest)
			return b.String(), w.String()
		}
		end := strings.Index(rest, "»")
		b.WriteString(rest[:open] + rest[open+len("«"):end])
		w.WriteString(rest[:open] + "[REDACTED]")
		rest = rest[end+len("»"):]
	}
}

// unkind drops the kinds from what Scrub wrote.
func unkind(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "[REDACTED:")
		if i < 0 {
			return b.String() + s
		}
		b.WriteString(s[:i] + "[REDACTED]")
		s = s[i+strings.IndexByte(s[i:], ']')+1:]
	}
}

const mix = "Xk29sdQ7vR4tLw8Zp3Ny" // nothing a person would write

func TestScrub_places(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text string }{
		{"assignment", "API_TOKEN=«" + mix + "»"},
		{"two in a row", "A_TOKEN=«" + mix + "» B_SECRET=«" + mix + "»"},
		{"sentence", "the token was «" + mix + "»."},
		{"in brackets", "(token «" + mix + "»)"},
		{"connection string", "Server=db;User Id=sa;Password=«p4ss;word»;Encrypt=true"},
		{"URL password", "postgres://app:«p%40ss»@db:5432/x"},
		{"URL password of a database that holds a slash", "postgres://app:«p/a#ss1»@db/x"},
		{"URL without user", "redis://:«hunter22»@cache/0"},
		{"token instead of a user", "https://«" + mix + "»@example.com/a.git"},
		{"several hosts", "mongodb://u:«" + mix + "»@h1:1,h2:2/db"},
		{"Oracle", "jdbc:oracle:thin:scott/«tiger99x»@//h:1/o"},
		{"query", "GET /?a=1&api_key=«" + mix + "»&b=2"},
		{"curl", "curl -u me:«" + mix + "» https://x"},
		{"mysql", "mysql -u root -p«" + mix + "» db"},
		{"netrc", "machine h login me password «" + mix + "»"},
		{"pgpass", "db:5432:app:me:«" + mix + "»"},
		{"basic", "Authorization: Basic «bWU6aHVudGVyMjI=»"},
		{"header in an array", "['authorization', 'token «" + mix + "»']"},
		{"digest", `Authorization: Digest username="u", nonce="n", response="«0123456789abcdef0123456789abcdef»"`},
		{"cookies", "Cookie: theme=dark; session=«" + mix + "»; lang=en"},
		{"escaped four times", `{\\\\\\\"token\\\\\\\":\\\\\\\"«` + mix + `»\\\\\\\"}`},
		{"value on the next line", "{\"token\":\n   \"«" + mix + "»\"}"},
		{"XML with attributes", `<ns:token type="a">«` + mix + `»</ns:token>`},
		{"CDATA", `<token><![CDATA[«` + mix + `»]]></token>`},
		{"named pair", "- name: API_TOKEN\n  value: «" + mix + "»\n"},
		{"table", "host,token,port\na,«" + mix + "»,1\nb,«x" + mix + "»,2\nend"},
		{"YAML block", "token: |\n  «" + mix + "»\nnext: 1"},
		{"coloured", "token: \x1b[32m'«" + mix + "»'\x1b[39m"},
		{"seed phrase", "mnemonic: \"«" + strings.Repeat("zebra ", 11) + "zebra»\""},
		{"bytes", "secretKey: Uint8Array(16) [«1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16»]"},
		{"hashed password", "x $2b$«12$" + mix + mix + "aB3xY6zW9vU2»"},
		{"JSON web key", `{"kty":"OKP","x":"public","d":"«` + mix + mix + `»"}`},
		{"webhook", "https://hooks.slack.com/services/«T0/B0/" + mix + "»"},
		{"percent", "a=%7B%22token%22%3A%22«" + mix + "»%22%7D"},
		{"entities", "{&quot;token&quot;:&quot;«" + mix + "»&quot;}"},
		{"base64", "x «eyJ0b2tlbiI6IlhrMjlzZFE3dlI0dEx3OFpwM055In0=» y"},
		{"dotted key", "app.db.password: «winter42copper»"},
		{"dotted key in a file of properties", "mail.smtp.auth.password = «winter42copper»\n"},
		{"value of a named pair that a person chose", "- name: DB_PASS\n  value: «winter42copper»\n"},
		{"printed by PHP", "[password] => «winter42copper»\n"},
		{"prompt", "Enter passphrase: «winter42copper»"},
		{"prompt with what there was", "AWS Secret Access Key [None]: «" + mix + mix + "»"},
		{"prose about a key", "Incorrect API key provided: «" + mix + "»."},
		{"prose about a password without digits", "Your temporary password is «Mango#AYQYo$»"},
		{"id of letters only", "found «AS" + "IAQXJZKWVUPTHRBGMF» in it"},
		{"scheme of Okta", "SSWS «00" + mix + mix + "»"},
		{"Redis", "AUTH «" + mix + "»\r\n"},
		{"input of an action", "INPUT_TOKEN=«7c2e13f0b5d94a6688e1f3a0c9d27b54e6013fa9»"},
		{"wallet", "new Wallet(\"«0x" + strings.Repeat("1f2e3d4c", 8) + "»\")"},
		{"PEM cut short", "-----BEGIN RSA PRIV" + "ATE KEY-----«\n" + mix + mix + "\n" + mix + mix + "»"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plain, want := marked(tt.text)
			got := Scrub(plain).String()
			require.Equal(t, want, unkind(got))
			require.Equal(t, got, Scrub(got).String(), "again")
			require.Equal(t, "x\n"+got+"\ny", Scrub("x\n"+plain+"\ny").String(), "between lines")
		})
	}
}

func TestScrub_staysReadable(t *testing.T) {
	t.Parallel()
	sha := "2c26b46b68ffc68ff99b453c1d30413413422d70"
	for _, text := range strings.Split(strings.TrimSpace(`
GITHUB_TOKEN=${{ secrets.GITHUB_TOKEN }}
password: "{{ .Values.db.password }}"
DATABASE_URL=postgres://${DB_USER}:${DB_PASS}@localhost:5432/db
https://x-access-token:***@github.com/org/repo.git
authorization: `+"`Bearer ${await getToken()}`"+`
const token = await auth.getToken({ audience: "api" });
Error: Input required and not supplied: token
Error: secret "my-app-secret-v2" not found
secretKeyRef: { name: db-credentials, key: password }
tokenCount: `+sha+`
commit_sha=`+sha+`
password?: string
"password": {"type": "string", "format": "password"}
error: password authentication failed for user "postgres"
ghp_************************************
api-key: <API_KEY>
sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx
JWT_SECRET=changeme
key: Linux-node-20-7c211433f02071597741e6ff5a8ea34789abbf43
"resolved": "https://packages.example/foo/-/foo-1.0.0.tgz#d41d8cd98f00b204e9800998ecf8427e"
image: ghcr.io/acme/web@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
x-amz-request-id: 7TWQ1V0FNHF6K9VX
"id":"chatcmpl-9xYzAbCdEfGhIjKlMnOpQrStUvWx1"
"tool_call_id":"call_abc123DEF456ghi789JKL012"
"nextPageToken": "CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA"
X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958
X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17
token: 0xe91D153E0b41518A2Ce8Dd3D7944Fa863463a97d
-----BEGIN CERTIFICATE-----
at verifyToken (/app/src/handlers/auth-token.ts:42:17)
--- PASS: TestToken (0.00s)
pass: 120 fail: 0
docker run -p 127.0.0.1:8080:80 nginx
error TS2345: Argument of type 'string' is not assignable to parameter of type 'Token'.
SyntaxError: Unexpected token u in JSON at position 0
WWW-Authenticate: Basic realm="Restricted"
https://unpkg.com/react@18.2.0/umd/react.production.min.js
PWD=/home/runner/work
app.db.password.encoder: bcrypt
app.auth.token.ttl: 3600s
password: oauth2
password_hash: argon2id
input_tokens: 1532
ASIAPACIFICHEADQUARTERS
api key provided: false
Token [expired]: please log in again
connectWallet("metamask")
exec.Env = append(env, "PWD="+dir)
x.s.ReadUint16LengthPrefixed(&extensions)
`), "\n") {
		require.Equal(t, text, Scrub(text).String())
	}
}

func TestScrub_publicKeysStay(t *testing.T) {
	t.Parallel()
	text := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA4oKvH1Y2u8dQw4t1c7hB0z9mE5nV3sX6rT8yU2iO0pA=\n-----END PUBLIC KEY-----"
	require.Equal(t, text, Scrub(text).String())
}

func TestText_scrubsWhatItDecodes(t *testing.T) {
	t.Parallel()
	var text Text
	require.NoError(t, json.Unmarshal([]byte(`"token=`+mix+`"`), &text))
	require.Equal(t, "token=[REDACTED:secret]", text.String())
	require.Equal(t, "token=[REDACTED:secret]", Join([]Text{{s: "token="}, {s: mix}}, "").String())
	require.Error(t, json.Unmarshal([]byte(`{}`), &text))
}

func TestCut(t *testing.T) {
	t.Parallel()
	text := Scrub(strings.Repeat("é", 100) + " token=" + mix + " " + strings.Repeat("ü", 100))
	for limit := range len(text.String()) + 2 {
		cut := Cut(text, limit).String()
		require.LessOrEqual(t, len(cut), limit)
		require.Equal(t, strings.ToValidUTF8(cut, "?"), cut, "limit %d", limit)
		require.Equal(t, strings.Count(cut, "[REDACTED"), strings.Count(cut, "[REDACTED:secret]"), cut)
		require.Equal(t, cut, Scrub(cut).String())
	}
	require.Equal(t, text, Cut(text, 10_000))
	require.Contains(t, Cut(text, 100).String(), "bytes left out]")
	require.Equal(t, "éé", text.Head(5).String())
	require.Equal(t, "üü", text.Tail(5).String())
}

func TestFind_failsClosed(t *testing.T) {
	t.Parallel()
	spans := guard("some text", func(string) []Span { panic("a bug") })
	require.Equal(t, []Span{{Start: 0, End: 9, Kind: "withheld"}}, spans)
}
