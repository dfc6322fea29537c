package triage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// failed is a failure of the plugin acme/greet with a message.
func failed(message string) hotfix.Failure {
	return hotfix.Failure{Plugin: hotfix.Plugin{ID: "acme/greet", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}}, Message: redact.Scrub(message)}
}

func texts(lines ...string) []redact.Text {
	var out []redact.Text
	for _, l := range lines {
		out = append(out, redact.Scrub(l))
	}
	return out
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, message, want string }{
		{"the worker's wrapper", `HTTP (target: https://x-8f3a2b1c.deno.dev) 500: {"error":"Error: boom at noon","requestId":"3f8778be-b8ba-4d2f-ad64-9384db5b0610"}`, "HTTP 500: boom at noon"},
		{"log prefix and colour", "2026-06-06T19:33:10.2181490Z \x1b[31mError: \x1b[0mProcess completed with exit code 137.", "Process completed with exit code 137"},
		{"class prefixes", "RequestError [HttpError]: Bad credentials", "Bad credentials"},
		{"a class that says all there is", "KeyError: 'labels'", "KeyError: 'labels'"},
		{"a class with few words and an id that begins with a letter", "S3ServiceException: Access Denied (RequestId: b52dc2bb6aafbd20)", "S3ServiceException: Access Denied (RequestId: \u2026)"},
		{"and one that begins with a digit", "S3ServiceException: Access Denied (RequestId: 24f633ef2bf1d25d)", "S3ServiceException: Access Denied (RequestId: \u2026)"},
		{"ids", "Run 123456 of 3f8778be-b8ba-4d2f-ad64-9384db5b0610 at 72a225cec2cb8f51855fcb342e8bb1a9625fbc45 broke", "Run \u2026 of \u2026 at \u2026 broke"},
		{"times and durations", "Timed out after 1m30s at 2026-06-06 19:33:10, retry in 5 minutes", "Timed out after \u2026 at \u2026, retry in \u2026"},
		{"one and many", "1 test failed", "\u2026 test failed"},
		{"many and one", "12 tests failed", "\u2026 test failed"},
		{"status", "Request failed with status code 404", "Request failed with status code 404"},
		{"error code", "HTTP (target: https://x.dev) 530: error code: 1016", "HTTP 530: error code: 1016"},
		{"compiler code", "/app/src/lib/b.ts(12,5): error TS2345: Argument is wrong", "b.ts: error TS2345: Argument is wrong"},
		{"user", "Could not resolve to a User with the login of 'Keyrxng'.", "Could not resolve to a User with the login of '\u2026'"},
		{"user at the end", "Failed to fetch XP for gentlementlegen", "Failed to fetch XP for \u2026"},
		{"words at the end stay", "Failed to fetch labels for repository", "Failed to fetch labels for repository"},
		{"names of code stay", "Property 'node_id' does not exist on type 'Label2'", "Property 'node_id' does not exist on type 'Label2'"},
		{"route", "GET /repos/acme/app/issues/12/labels/bug - 404 with id A089:381E:50DC86F:2DA77AF:9B050773 in 203ms", "GET /repos/\u2026/issues/\u2026/labels/\u2026 - 404 with id \u2026 in \u2026"},
		{"route in a URL", "Could not find https://api.github.com/repos/acme/app/pulls/4", "Could not find /repos/\u2026/pulls/\u2026"},
		{"documentation", "Not Found - https://docs.github.com/en/rest/issues/issues#get-an-issue", "Not Found - docs.github.com/rest/issues/issues#get-an-issue"},
		{"path", "ENOENT: no such file or directory, open '/home/runner/work/greet/greet/src/conf/a.json'", "ENOENT: no such file or directory, open 'conf/a.json'"},
		{"path below another platform's root", "ENOENT: no such file or directory, open '/opt/build/repo/package.json'", "ENOENT: no such file or directory, open 'package.json'"},
		{"the end is cut off", `HTTP (target: https://x.deno.dev) 500: {"requestId":"61494fb3-86a6-448d-a8a9-6519948a610b","error":"Error: Failed to get diff between commits 72a225cec2cb8f51855fcb342e8bb1a9625fbc45 and 2e10b132914b626a36f6ecf5637ff5336c559d4fb7a33bc1ba2fe4a2e10b132914b626a36f6ecf5637ff5336c559d4fb7a33bc1ba2...`, "HTTP 500: Failed to get diff between commits"},
		{"parser's position and snippet", `Unexpected token '<', "<!DOCTYPE "... is not valid JSON`, "Unexpected token '<', '\u2026'... is not valid JSON"},
		{"cause", "TypeError: fetch failed\n    at node:internal/deps/undici/undici:1:2 {\n  [cause]: Error: getaddrinfo ENOTFOUND db.internal\n    code: 'ENOTFOUND',\n    hostname: 'db.internal'\n  }\n}", "fetch failed [ENOTFOUND] db.internal"},
		{"error page", "HTTP (target: https://x.dev) 502: <html>\r\n<head><title>502 Bad Gateway</title></head></html>", "HTTP 502: 502 Bad Gateway"},
		{"redacted", "token [REDACTED:github-token] is bad", "token \u2026 is bad"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Template(failed(c.message)))
		})
	}
}

func TestTemplateMasksTheEventsOwnValues(t *testing.T) {
	t.Parallel()
	f := failed("cannot pay Zmona: app qmarket/app holds too little (job d-77-x of kq12)")
	f.Trigger = hotfix.Trigger{Repo: hotfix.Repo{Owner: "qmarket", Name: "app"}, Actor: "zmona", Delivery: "d-77-x"}
	f.RequestID = "kq12"
	require.Equal(t, "cannot pay \u2026: app \u2026 holds too little (job \u2026 of \u2026)", Template(f))
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, message string
		want          hotfix.Class
	}{
		{"dispatch", `Workflow "compute.yml" not found on default branch "main" for acme/app; GitHub requires workflow_dispatch workflows to exist on the default branch`, hotfix.ClassDispatch},
		{"worker's server error", "HTTP (target: https://x.dev) 500: Unexpected error", hotfix.ClassHTTP5xx},
		{"worker's refusal", "HTTP (target: https://x.dev) 404: no", hotfix.ClassHTTP4xx},
		{"GitHub's refusal", "HttpError: Bad credentials - https://docs.github.com/rest", hotfix.ClassHTTP4xx},
		{"timeout", "TimeoutError: The operation was aborted due to timeout", hotfix.ClassTimeout},
		{"gateway timeout", "HTTP (target: https://x.dev) 504: slow", hotfix.ClassTimeout},
		{"network", "connect ECONNREFUSED 127.0.0.1:5432", hotfix.ClassNetwork},
		{"validation", "HTTP (target: https://x.dev) 400: {\"error\":\"data/settings must have required property 'a'\"}", hotfix.ClassValidation},
		{"workflow", "Process completed with exit code 1.", hotfix.ClassWorkflow},
		{"test", "--- FAIL: TestX (0.00s)\n    x_test.go:3: bad", hotfix.ClassTest},
		{"build", "src/a.ts(1,2): error TS2304: Cannot find name 'x'.", hotfix.ClassBuild},
		{"anything else", "TypeError: x is not a function", hotfix.ClassOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Classify(failed(c.message)))
		})
	}
	kernel := failed("HTTP 500: anything")
	kernel.Category = "kernel"
	require.Equal(t, hotfix.ClassKernel, Classify(kernel))
}

func TestTitle(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Cannot read properties of undefined (reading 'login') in getUserReward (payment.ts)",
		Title(failed("TypeError: Cannot read properties of undefined (reading 'login')\n    at getUserReward (/app/src/parser/payment.ts:81:7)")))
	require.Equal(t, "Failure without a message", Title(failed("")))
	require.Equal(t, "HTTP 500: Invalid regular expression: /\\bC++\\b/: Nothing to repeat",
		Title(failed("HTTP (target: https://x.example) 500: SyntaxError: Invalid regular expression: /\\bC++\\b/: Nothing to repeat")))
	told := failed("User mona-lisa has no wallet in acme/shop: request 7f9c24e5-2f31-4d0b-9a6e-1f2e3d4c5b6a, issue 42")
	told.Trigger.Actor, told.Trigger.Repo = "mona-lisa", hotfix.Repo{Owner: "acme", Name: "shop"}
	require.Equal(t, "User \u2026 has no wallet in \u2026 request \u2026 issue 42", Title(told))
	long := Title(failed(strings.Repeat("the very long message goes on ", 20)))
	require.LessOrEqual(t, len([]rune(long)), 100)
	require.True(t, strings.HasSuffix(long, hole))
}

func TestFrames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, message string
		want          []Frame
	}{
		{"node, own code only", "TypeError: x\n    at fetchWrapper (/app/node_modules/@octokit/request/index.js:1:2)\n    at process.processTicksAndRejections (node:internal/process/task_queues:1:2)\n    at async Object.pay (file:///home/runner/work/greet/greet/src/pay.ts:12:5)\n    at new Run (D:\\a\\greet\\greet\\src\\run.ts:7:1)",
			[]Frame{{"pay", "src/pay.ts", 12}, {"Run", "src/run.ts", 7}}},
		{"without a function", "Error: x\n    at /usr/src/app/lib/a.js:3:9", []Frame{{"", "lib/a.js", 3}}},
		{"firefox", "x is undefined\nsettle/<@https://a.dev/assets/app.js:4:10\nrun@https://a.dev/assets/app.js:9:1", []Frame{{"settle", "assets/app.js", 4}, {"run", "assets/app.js", 9}}},
		{"go", "panic: boom\n\ngoroutine 1 [running]:\npanic({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:770 +0x1\ngithub.com/acme/greet/internal/api.(*H).Get.func1(0x1)\n\t/src/internal/api/h.go:33 +0x2\n", []Frame{{"H.Get", "internal/api/h.go", 33}}},
		{"python, innermost first", "Traceback (most recent call last):\n  File \"/app/src/a.py\", line 3, in main\n    b()\n  File \"/app/src/b.py\", line 9, in b\n    x\nValueError: bad value given", []Frame{{"b", "src/b.py", 9}, {"main", "src/a.py", 3}}},
		{"prose is no frame", "failed to look at the thing\nat noon", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Frames(failed(c.message)))
		})
	}
	apart := failed("boom went the plugin")
	apart.Stack = redact.Scrub("Error: boom\n    at go (/app/src/x.ts:5:1)")
	require.Equal(t, []Frame{{"go", "src/x.ts", 5}}, Frames(apart))
}

func TestFingerprintNamesThePlugin(t *testing.T) {
	t.Parallel()
	base := failed("boom went the plugin")
	other := base
	other.Plugin.Repo.Name = "other"
	require.NotEqual(t, Fingerprint(base), Fingerprint(other), "another plugin's bug")
	shouting := base
	shouting.Plugin.Repo = hotfix.Repo{Owner: "ACME", Name: "Greet"}
	shouting.Plugin.ID, shouting.Plugin.Ref, shouting.Plugin.URL = "x", "feat/y", "https://z.dev"
	require.Equal(t, Fingerprint(base), Fingerprint(shouting), "same repository, another ref")
	base.Plugin.ID = "acme/greet:compute.yml"
	unresolved := base
	unresolved.Plugin.Repo = hotfix.Repo{}
	require.Contains(t, Aliases(base), Fingerprint(unresolved), "filed before the repository was known")
}

func TestUnexpectedErrorIsNotOneBug(t *testing.T) {
	t.Parallel()
	plain := failed("HTTP (target: https://x.deno.dev) 500: Unexpected error")
	caution := func(said string) hotfix.Failure {
		f := plain
		f.Logs = texts("INFO start", "> [!CAUTION]\n> "+said+"\n\n<!-- UbiquityOS - run - 1.0.0 - @mona - https://x.dev\n{\n  \"caller\": \"run\"\n}\n-->")
		return f
	}
	wallet, label := caution("No wallet found for rndquu"), caution("No label found for rndquu")
	require.NotEqual(t, Fingerprint(wallet), Fingerprint(label))
	require.NotEqual(t, Fingerprint(plain), Fingerprint(wallet))
	require.Equal(t, Fingerprint(wallet), Fingerprint(caution("No wallet found for zugdev")))
	require.Contains(t, Title(wallet), "No wallet found for")
	opened, closed := plain, plain
	opened.Trigger.Event, closed.Trigger.Event = "issues.opened", "pull_request.closed"
	require.NotEqual(t, Fingerprint(opened), Fingerprint(closed), "nothing is known but the event")
	require.NotContains(t, Aliases(wallet), Fingerprint(plain), "an alias must not merge what the logs keep apart")
}

func TestFailedStepIsNamedByItsLog(t *testing.T) {
	t.Parallel()
	run := func(log string) hotfix.Failure {
		f := failed("Process completed with exit code 1.")
		f.Run = &hotfix.WorkflowRun{ID: 1, Name: "CI"}
		f.Logs = texts(log)
		return f
	}
	a := run("2026-01-01T00:00:00.0000000Z Run bun test\n2026-01-01T00:00:01.0000000Z ##[error]src/a.ts(1,2): error TS2304: Cannot find name 'Deno'.\n##[error]Process completed with exit code 1.")
	b := run("Run bun test\nTypeError: x.labels is not iterable\n    at sum (/home/runner/work/greet/greet/src/sum.ts:3:4)\n##[error]Process completed with exit code 1.")
	require.Contains(t, Title(a), "TS2304")
	require.Equal(t, hotfix.ClassBuild, Classify(a))
	require.Equal(t, []Frame{{"sum", "src/sum.ts", 3}}, Frames(b))
	require.NotEqual(t, Fingerprint(a), Fingerprint(b))
}

func TestAliases(t *testing.T) {
	t.Parallel()
	framed := failed("TypeError: Cannot read properties of undefined (reading 'login')\n    at pay (/app/src/pay.ts:1:2)")
	bare := failed("TypeError: Cannot read properties of undefined (reading 'login')")
	require.NotEqual(t, Fingerprint(framed), Fingerprint(bare))
	require.NotContains(t, Aliases(framed), Fingerprint(bare), "an alias must not merge what the stack keeps apart")

	long := "HTTP (target: https://x.deno.dev) 500: Failed to synchronise the board of the project because the column that holds finished items was renamed by a person who did not know " +
		"that the plugin looks it up by its name and not by its id, see the manual of the plugin for how to set it in the board"
	whole, cut := failed(long), failed(long[:280]+"...")
	cut.Truncated = true
	require.Equal(t, Fingerprint(whole), Fingerprint(cut), "a cut report opens no issue of its own")

	old := failed("exact words")
	old.Plugin.ID, old.Category = "acme/greet", "http"
	require.Contains(t, Aliases(old), hotfix.Fingerprint("51204c8710ae137f7dbcdd008c8be8c469166bd0534e1b3e9999ac1d08f19309"), "the script's key")
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	var log []string
	for range 100 {
		log = append(log, "2026-01-01T00:00:00.0000000Z downloading")
	}
	log = append(log, "INFO 0 errors so far", "TypeError: x is not a function", "    at pay (/app/src/pay.ts:1:2)")
	for range 60 {
		log = append(log, "cleaning up "+strings.Repeat("z", len(log)%7))
	}
	log = append(log, "##[error]Process completed with exit code 1.")
	got := Excerpt(texts(strings.Join(log, "\n")), 4000)
	require.Equal(t, got, Excerpt(texts(log...), 4000), "one text or many")
	require.Contains(t, got, "TypeError: x is not a function\n    at pay")
	require.Contains(t, got, "Process completed with exit code 1.")
	require.Contains(t, got, "downloading [")
	require.Regexp(t, `^\[\d+ lines left out\]`, got)
	require.NotContains(t, got, "2026-01-01")
	for _, max := range []int{0, 1, 50, 200, 1000} {
		require.LessOrEqual(t, len(Excerpt(texts(log...), max)), max)
	}
	require.Contains(t, Excerpt(texts(log...), 200), "TypeError", "what matters stays longest")
	require.Empty(t, Excerpt(nil, 100))
}
