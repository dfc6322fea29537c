package redact

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestScrub_named holds how a value may be named: by a program's flag, in a call, by a sentence, from behind, in other languages.
func TestScrub_named(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	for _, text := range []string{
		"http -a ‹bob›:«A16» x.io", "xh --auth=‹bob›:«A12» x.io", "skopeo copy --dest-creds ‹ci›:«A16» dir:/x docker://y", "mysqldump -u‹root› -p«A12» app", "7z x -p«A12» a.7z", "sqlplus ‹app›/«A12»@//db:1521/x",
		`echo "‹root›:«A12»" | sudo chpasswd`, "gh auth login --with-token <<< «A40»", `printf '%s' '«A14»' | docker login --password-stdin`,
		"auth=('bob', '«A12»')", `req.SetBasicAuth("bob", "«A12»")`, `.basic_auth("bob", Some("«A12»"))`, `npmAuthIdent: "‹ci›:«A20»"`, "app:«A14»@tcp(10.1.1.1:3306)/shop", "HTTPS_PROXY=‹bob›:«A12»@proxy:8080",
		"Password for user app: «A14»", "the password of bob is «A12»", "the admin password was reset to «A12», please change it", "Setting WEBHOOK_SECRET to «A32»", "read API_TOKEN from file: «A32»",
		"«h64» is the api key", "using '«h32»' as our encryption key", `"«h64»" # hmac secret`, "«h64» (signing key)",
		"azure_key|«b60»|rw", "webhookSecret does not match: «A32»", "process.env.API_KEY ?? '«A32»'", `(api-key . "«A32»")`, "loaded API_KEY: <«A40»>", "docker secret create api_key - <<< «A32»", `smtp.PlainAuth("", "bob", "«A12»", "smtp.x")`,
		"res.cookie('session', '«u48»')", "api_key........ «A32»",
		"Mot de passe : «A12»", "пароль = «A12»", "пароль: «A12», новый пароль: «A14»", "パスワード：«A12»", "Wachtwoord voor root: «A12»",
		"TWILIO_AUTH_TOKEN ?= «h32»", `let api_key: String = "«A32»".into();`, `config :app, :auth_token, "«A32»"`, "API_KEY:\n    value: «A32»", `"ParameterKey": "DbPassword", "ParameterValue": "«A16»"`,
		`gh secret set API_KEY --body "«A32»"`, `{"uri":"amqp:\/\/app:«A14»@rabbit:5672\/"}`, "JSESSIONID=«H32»;",
	} {
		row := devRow{}
		row.compose(r, "named", text)
		require.Zero(t, judge([]devRow{row}).missed["named"]+len(judge([]devRow{row}).notes), "%s -> %s", row.Text, Scrub(row.Text))
	}
	for _, text := range []string{
		"http -a $USER:$PASS x.io", "docker run -u 1000:1000 -p 8080:80 nginx", "auth=(os.environ['U'], os.environ['P'])", `auth("github", "oauth")`, "HTTP_PROXY=proxy.acme.dev:8080", "Password for user app: authentication failed",
		"{sha} is the password reset commit", "commit {sha} (token service)", "md5(password file)={hex32}", "пароль: неверный", "token != {sha}", "let token: Option<String> = None;", "nextPageToken={u44}",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-{A6}", "secret {uuid} was created", "--build-arg AUTH_TOKEN=.", "openssl req -passin stdin", "cat token|grep x", "Pass `recursive: true1` to it", "login(bob) did not pass", `process.env.TOKEN || ""`, "res.cookie('theme', 'dark')", "apiKey does not match: it is empty", "loaded API_KEY: <none>",
	} {
		row := devRow{}
		row.compose(r, "plain", text)
		require.Equal(t, row.Text, Scrub(row.Text).String())
	}
}
