package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A maker draws values that look like secrets of one kind. Nothing secret-shaped stands in this file.
type maker struct {
	kind  string
	alone bool // the value gives itself away without a key
	keys  []string
	draw  func(r *rand.Rand) string
}

func pick(r *rand.Rand, set string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.IntN(len(set))]
	}
	return string(b)
}

// drawn is a token of a prefix and n characters of which at least two are digits and two are letters.
func drawn(prefix, set string, n int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		for {
			v := pick(r, set, n)
			if s := shapeOf(v); s.digits > 1 && (s.lowers+s.uppers > 1 || set == digits) {
				return prefix + v
			}
		}
	}
}

const (
	nameSet = alnum + "_-"
	hexSet  = "0123456789abcdef"
	b64Set  = alnum + "+/"
)

func jsonOf(r *rand.Rand, n int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + pick(r, alnum, n) + `","iat":1790000000}`))
}

func drawJWT(r *rand.Rand) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"` + pick(r, hexSet, 8) + `","typ":"JWT"}`))
	return head + "." + jsonOf(r, 24) + "." + pick(r, nameSet, 86)
}

var makers = []maker{
	{"stateless", true, []string{"authToken", "GITHUB_TOKEN"}, func(r *rand.Rand) string { return "ghs_" + pick(r, digits, 7) + "_" + drawJWT(r) }},
	{"github", true, []string{"GH_TOKEN", "token"}, drawn("gh"+"p_", alnum, 36)},
	{"gitlab-trigger", true, []string{"CI_TRIGGER_TOKEN"}, drawn("glp"+"tt-", hexSet, 40)},
	{"slack-app", true, []string{"SLACK_APP_TOKEN"}, func(r *rand.Rand) string {
		return "xap" + "p-1-A" + pick(r, upper+digits, 10) + "-" + pick(r, digits, 13) + "-" + pick(r, hexSet, 64)
	}},
	{"slack-hook", true, []string{"SLACK_WEBHOOK_URL"}, func(r *rand.Rand) string {
		return "https://hooks.slack.com/services/T" + pick(r, upper+digits, 9) + "/B" + pick(r, upper+digits, 9) + "/" + pick(r, alnum, 24)
	}},
	{"discord-hook", true, []string{"DISCORD_WEBHOOK"}, func(r *rand.Rand) string {
		return "https://discord.com/api/webhooks/" + pick(r, digits, 18) + "/" + pick(r, nameSet, 68)
	}},
	{"stripe-restricted", true, []string{"STRIPE_KEY"}, drawn("rk_"+"live_", alnum, 24)},
	{"svix", true, []string{"WEBHOOK_SIGNING_SECRET"}, drawn("wh"+"sec_", b64Set, 32)},
	{"mailchimp", true, []string{"MAILCHIMP_API_KEY"}, func(r *rand.Rand) string { return drawn("", hexSet, 32)(r) + "-us21" }},
	{"fly", true, []string{"FLY_API_TOKEN"}, drawn("fm"+"2_", b64Set, 120)},
	{"vault", true, []string{"VAULT_TOKEN"}, drawn("hv"+"s.", nameSet, 90)},
	{"terraform", true, []string{"TFE_TOKEN"}, func(r *rand.Rand) string {
		return pick(r, alnum, 14) + ".atlas" + "v1." + drawn("", alnum, 67)(r)
	}},
	{"databricks", true, []string{"DATABRICKS_TOKEN"}, drawn("da"+"pi", hexSet, 32)},
	{"linear", true, []string{"LINEAR_API_KEY"}, drawn("lin_"+"api_", alnum, 40)},
	{"notion", true, []string{"NOTION_TOKEN"}, drawn("nt"+"n_", alnum, 46)},
	{"figma", true, []string{"FIGMA_TOKEN"}, drawn("fi"+"gd_", nameSet, 40)},
	{"postman", true, []string{"POSTMAN_API_KEY"}, func(r *rand.Rand) string { return "PM" + "AK-" + drawn("", hexSet, 24)(r) + "-" + pick(r, hexSet, 34) }},
	{"planetscale", true, []string{"PSCALE_TOKEN"}, drawn("pscale_"+"tkn_", nameSet, 43)},
	{"doppler", true, []string{"DOPPLER_TOKEN"}, drawn("dp."+"pt.", alnum, 43)},
	{"sentry-org", true, []string{"SENTRY_AUTH_TOKEN"}, func(r *rand.Rand) string {
		return "sntr" + "ys_" + base64.RawStdEncoding.EncodeToString([]byte(`{"iat":1790000000.1,"url":"https://sentry.io","org":"x"}`)) + "_" + pick(r, b64Set, 43)
	}},
	{"atlassian", true, []string{"JIRA_API_TOKEN"}, drawn("ATA"+"TT3xFfGF0", nameSet, 170)},
	{"nvidia", true, []string{"NVIDIA_API_KEY"}, drawn("nva"+"pi-", nameSet, 64)},
	{"replicate", true, []string{"REPLICATE_API_TOKEN"}, drawn("r8"+"_", alnum, 37)},
	{"xai", true, []string{"XAI_API_KEY"}, drawn("xa"+"i-", alnum, 80)},
	{"perplexity", true, []string{"PPLX_KEY"}, drawn("pp"+"lx-", alnum, 48)},
	{"google-oauth", true, []string{"access_token"}, drawn("ya"+"29.", nameSet, 150)},
	{"google-secret", true, []string{"client_secret"}, drawn("GOC"+"SPX-", nameSet, 28)},
	{"azure-secret", true, []string{"AZURE_CLIENT_SECRET"}, func(r *rand.Rand) string {
		return pick(r, alnum, 3) + pick(r, digits, 1) + "Q~" + drawn("", alnum+"_-.", 34)(r)
	}},
	{"paseto", true, []string{"session_token"}, drawn("v4."+"local.", nameSet, 120)},
	{"jwe", true, []string{"id_token"}, func(r *rand.Rand) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"enc":"A256GCM","alg":"dir"}`)) + ".." + pick(r, nameSet, 16) + "." + pick(r, nameSet, 80) + "." + pick(r, nameSet, 22)
	}},
	{"tailscale", true, []string{"TS_AUTHKEY"}, func(r *rand.Rand) string {
		return "tsk" + "ey-auth-" + pick(r, alnum, 12) + "CNTRL-" + drawn("", alnum, 32)(r)
	}},
	{"nostr", true, []string{"NOSTR_PRIVATE_KEY"}, drawn("nse"+"c1", "023456789acdefghjklmnpqrstuvwxyz", 58)},
	{"signature", true, []string{"permitSignature"}, func(r *rand.Rand) string { return "0x" + pick(r, hexSet, 128) + "1b" }},
	{"unknown-service", false, []string{"ACME_API_TOKEN", "acmeApiKey", "acme-access-token"}, drawn("ac"+"me_", alnum, 40)},
	{"wireguard", false, []string{"PrivateKey", "PresharedKey"}, func(r *rand.Rand) string {
		return base64.StdEncoding.EncodeToString([]byte(pick(r, alnum+"!#", 32)))
	}},
	{"datadog", false, []string{"DD_API_KEY", "DATADOG_APP_KEY", "dd-api-key"}, drawn("", hexSet, 32)},
	{"cloudflare", false, []string{"CLOUDFLARE_API_TOKEN", "CF_API_TOKEN"}, drawn("", nameSet, 40)},
	{"aws-secret", false, []string{"aws_secret_access_key", "SecretAccessKey"}, drawn("", b64Set, 40)},
	{"uuid-token", false, []string{"accessToken", "POSTMARK_SERVER_TOKEN", "apiKey"}, func(r *rand.Rand) string {
		return fmt.Sprintf("%s-%s-%s-%s-%s", pick(r, hexSet, 8), pick(r, hexSet, 4), pick(r, hexSet, 4), pick(r, hexSet, 4), pick(r, hexSet, 12))
	}},
	{"password", false, []string{"password", "DB_PASSWORD", "spring.datasource.password", "pgPassword", "ldapPasswd", "SMTP_PASS", "adminPwd", "passphrase"}, drawn("", alnum+"!*_-.^", 14)},
	{"human-password", false, []string{"password", "DB_PASSWORD", "userPassword", "ADMIN_PASSWORD"}, func(r *rand.Rand) string {
		return []string{"Winter", "dragon", "Coffee", "summer", "Monkey"}[r.IntN(5)] + []string{"!", "-", "_", "#"}[r.IntN(4)] + pick(r, digits, 4)
	}},
	{"refresh", false, []string{"refresh_token", "refreshToken", "oauth_refresh_token"}, drawn("", nameSet, 60)},
	{"csrf", false, []string{"csrf_token", "X-CSRF-Token", "xsrfToken"}, drawn("", nameSet, 43)},
	{"evm", false, []string{"DEPLOYER_PRIVATE_KEY", "privateKey", "walletPrivateKey", "signer_key"}, func(r *rand.Rand) string { return "0x" + pick(r, hexSet, 64) }},
	{"wif", false, []string{"private_key", "walletKey"}, drawn("5J", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 49)},
	{"encryption", false, []string{"ENCRYPTION_KEY", "signingKey", "jwt_secret", "NEXTAUTH_SECRET", "SECRET_KEY_BASE", "masterKey"}, drawn("", hexSet, 64)},
	{"webhook", false, []string{"WEBHOOK_SECRET", "webhookSecret", "github_webhook_secret"}, drawn("", alnum, 32)},
}

// A vessel is how a secret comes to stand in a text.
type vessel struct {
	name  string
	keyed bool
	write func(r *rand.Rand, key, value string) string
}

func quoteJSON(s string) string { b, _ := json.Marshal(s); return string(b) }

var vessels = []vessel{
	{"dotenv", true, func(_ *rand.Rand, k, v string) string { return k + "=" + v }},
	{"dotenv-quoted", true, func(_ *rand.Rand, k, v string) string { return k + "='" + v + "' # rotate" }},
	{"logfmt", true, func(_ *rand.Rand, k, v string) string { return "level=error msg=\"no\" " + k + "=" + v + " attempt=3" }},
	{"json-twice", true, func(_ *rand.Rand, k, v string) string {
		inner := fmt.Sprintf(`{%q:%q,"a":1}`, k, v)
		return `{"msg":` + quoteJSON(`{"body":`+quoteJSON(inner)+`}`) + `}`
	}},
	{"yaml-quoted", true, func(_ *rand.Rand, k, v string) string { return "env:\n  - name: x\n  " + k + ": \"" + v + "\"\n" }},
	{"yaml-name-value", true, func(_ *rand.Rand, k, v string) string {
		return "env:\n  - name: " + k + "\n    value: " + v + "\n  - name: B\n"
	}},
	{"terraform", true, func(_ *rand.Rand, k, v string) string {
		return "variable \"" + k + "\" {\n  default = \"" + v + "\"\n}\n"
	}},
	{"json-name-value", true, func(_ *rand.Rand, k, v string) string { return `[{"name": "` + k + `", "value": "` + v + `"}]` }},
	{"ini", true, func(_ *rand.Rand, k, v string) string { return "[service]\n" + k + " = " + v + "\nport = 1\n" }},
	{"toml", true, func(_ *rand.Rand, k, v string) string { return k + " = \"" + v + "\"\n" }},
	{"xml", true, func(_ *rand.Rand, k, v string) string {
		return "<settings><" + k + ">" + html.EscapeString(v) + "</" + k + "></settings>"
	}},
	{"xml-attr", true, func(_ *rand.Rand, k, v string) string { return `<add key="` + k + `" value="` + v + `" />` }},
	{"plist", true, func(_ *rand.Rand, k, v string) string { return "<key>" + k + "</key>\n\t<string>" + v + "</string>" }},
	{"ps", true, func(_ *rand.Rand, k, v string) string { return "$env:" + k + " = \"" + v + "\"" }},
	{"docker-e", true, func(_ *rand.Rand, k, v string) string { return "docker run --rm -e " + k + "=" + v + " image:1" }},
	{"docker-env", true, func(_ *rand.Rand, k, v string) string { return "ENV " + strings.ToUpper(k) + "=" + v }},
	{"flag-blank", true, func(_ *rand.Rand, k, v string) string { return "run --" + k + " " + v + " --verbose" }},
	{"flag-eq-quoted", true, func(_ *rand.Rand, k, v string) string { return "run --" + k + "=\"" + v + "\" --verbose" }},
	{"java-D", true, func(_ *rand.Rand, k, v string) string { return "java -D" + k + "=" + v + " -jar x.jar" }},
	{"go-plus-v", true, func(_ *rand.Rand, k, v string) string {
		return "{Name:x " + strings.ReplaceAll(k, "-", "") + ":" + v + " Age:3}"
	}},
	{"go-sharp-v", true, func(_ *rand.Rand, k, v string) string {
		return fmt.Sprintf("main.Config{Name:\"x\", %s:%q, N:3}", k, v)
	}},
	{"spew", true, func(_ *rand.Rand, k, v string) string {
		return fmt.Sprintf(" %s: (string) (len=%d) %q,\n", k, len(v), v)
	}},
	{"ruby-hash", true, func(_ *rand.Rand, k, v string) string {
		return `{:host=>"a", :` + strings.ReplaceAll(k, "-", "_") + `=>"` + v + `"}`
	}},
	{"php-dump", true, func(_ *rand.Rand, k, v string) string {
		return fmt.Sprintf("  [\"%s\"]=>\n  string(%d) \"%s\"\n", k, len(v), v)
	}},
	{"rust-debug", true, func(_ *rand.Rand, k, v string) string {
		return fmt.Sprintf("Config { host: \"a\", %s: Some(\"%s\") }", k, v)
	}},
	{"java-record", true, func(_ *rand.Rand, k, v string) string { return "Config(host=a, " + k + "=" + v + ", port=1)" }},
	{"ansi", true, func(_ *rand.Rand, k, v string) string { return "  " + k + ": \x1b[32m'" + v + "'\x1b[39m," }},
	{"url-second", true, func(_ *rand.Rand, k, v string) string {
		return "GET /cb?x=1&" + k + "=" + url.QueryEscape(v) + "&y=2 HTTP/1.1"
	}},
	{"form-encoded", true, func(_ *rand.Rand, k, v string) string { return "grant_type=x&" + k + "=" + url.QueryEscape(v) }},
	{"percent-json", true, func(_ *rand.Rand, k, v string) string {
		return "state=" + url.QueryEscape(fmt.Sprintf(`{"%s":"%s"}`, k, v)) + "&z=1"
	}},
	{"html-entities", true, func(_ *rand.Rand, k, v string) string {
		return "<pre>" + html.EscapeString(fmt.Sprintf(`{"%s":"%s"}`, k, v)) + "</pre>"
	}},
	{"unicode-escape", true, func(_ *rand.Rand, k, v string) string { return `"{\u0022` + k + `\u0022:\u0022` + v + `\u0022}"` }},
	{"base64-json", true, func(_ *rand.Rand, k, v string) string {
		return "data: " + base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"%s":"%s"}`, k, v)))
	}},
	{"escaped-env", true, func(_ *rand.Rand, k, v string) string { return `{"env":"A=1\n` + k + `=` + v + `\nB=2"}` }},
	{"headers-array", true, func(_ *rand.Rand, k, v string) string {
		return "rawHeaders: [ 'Host', 'a.b', '" + k + "', '" + v + "' ]"
	}},
	{"connection-string", true, func(_ *rand.Rand, k, v string) string { return "Server=db,1433;" + k + "=" + v + ";Encrypt=true" }},
	{"setter", true, func(_ *rand.Rand, k, v string) string { return `os.Setenv("` + k + `", "` + v + `")` }},
	{"gha-debug", true, func(_ *rand.Rand, k, v string) string {
		return "2026-01-02T03:04:05.6789012Z ##[debug]  " + k + ": " + v
	}},
	{"csv", true, func(_ *rand.Rand, k, v string) string {
		return "host," + k + ",port\nalpha," + v + ",22\nbeta," + v + ",23\n"
	}},
	{"markdown-table", true, func(_ *rand.Rand, k, v string) string { return "| " + k + " | `" + v + "` |" }},
	{"stack", false, func(_ *rand.Rand, _, v string) string { return "HttpError: 401 for " + v + "\n    at f (a.ts:1:2)" }},
	{"bracketed", false, func(_ *rand.Rand, _, v string) string { return "auth failed [" + v + "]" }},
	{"comma", false, func(_ *rand.Rand, _, v string) string { return "got " + v + ", want nothing" }},
	{"in-parens", false, func(_ *rand.Rand, _, v string) string { return "retry(" + v + ")" }},
	{"tagged", false, func(_ *rand.Rand, _, v string) string { return "<td>" + v + "</td>" }},
	{"newline-escape", false, func(_ *rand.Rand, _, v string) string { return `{"log":"first\n` + v + `\nlast"}` }},
	{"base64-alone", false, func(_ *rand.Rand, _, v string) string {
		return "body " + base64.StdEncoding.EncodeToString([]byte("id: "+v+" end"))
	}},
	{"percent-alone", false, func(_ *rand.Rand, _, v string) string { return "to=%2Fx%3Fv%3D" + url.QueryEscape(v) + "%26y" }},
	{"coloured", false, func(_ *rand.Rand, _, v string) string { return "\x1b[31m" + v + "\x1b[0m" }},
	{"prose-token", false, func(_ *rand.Rand, _, v string) string { return "could not log in with token " + v + " today" }},
	{"bearer-json", false, func(_ *rand.Rand, _, v string) string { return `{"authorization":"Bearer ` + v + `"}` }},
	{"bearer-array", false, func(_ *rand.Rand, _, v string) string { return `["Authorization","bearer ` + v + `"]` }},
	{"x-header", false, func(_ *rand.Rand, _, v string) string { return "< x-api-key: " + v + "\r" }},
}

// survives returns the longest run of the secret that still stands in out, if it is too long.
func survives(out, secret string) string {
	limit := 8
	if len(secret) < 16 {
		limit = max(3, len(secret)/2)
	}
	for i := 0; i+limit <= len(secret); i++ {
		if strings.Contains(out, secret[i:i+limit]) {
			return secret[i : i+limit]
		}
	}
	return ""
}

// secretPart is what of a drawn value is secret: of a webhook's URL only its end.
func secretPart(m maker, v string) string {
	if strings.HasPrefix(v, "https://") {
		return v[len(v)-20:]
	}
	return v
}

func TestScrub_unseenKindsInUnseenPlaces(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	total, missed := 0, map[string]int{}
	for _, m := range makers {
		for _, place := range vessels {
			if !place.keyed && !m.alone {
				continue
			}
			for range 3 {
				v := m.draw(r)
				key := m.keys[r.IntN(len(m.keys))]
				text := place.write(r, key, v)
				out := Scrub(text).String()
				total++
				left := survives(out, secretPart(m, v))
				if left == "" && (strings.Contains(place.name, "base64") || strings.Contains(out, "[REDACTED:")) {
					continue
				}
				missed[m.kind+" in "+place.name]++
				if testing.Verbose() {
					t.Logf("%s in %s: %q -> %q", m.kind, place.name, text, out)
				}
			}
		}
	}
	lost := 0
	for _, n := range missed {
		lost += n
	}
	recall := 1 - float64(lost)/float64(total)
	t.Logf("recall %.4f of %d", recall, total)
	require.GreaterOrEqual(t, recall, 0.99, "missed: %v", missed)
}

// TestScrub_hexOf keeps the helpers of this file honest: a value that is not redacted is seen.
func TestScrub_survivorIsSeen(t *testing.T) {
	t.Parallel()
	v := hex.EncodeToString([]byte("0123456789abcdef"))
	require.NotEmpty(t, survives("a "+v, v))
	require.Empty(t, survives("a [REDACTED:secret]", v))
}
