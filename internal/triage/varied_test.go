package triage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A variedGroup is one group of testdata/varied.txt.
type variedGroup struct {
	name  string
	forms []string
}

// formsOf reads a file of testdata whose groups begin with "== NAME".
func formsOf(file string) ([]variedGroup, error) {
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		return nil, err
	}
	var groups []variedGroup
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			groups = append(groups, variedGroup{name: name})
		} else if line != "" && len(groups) > 0 {
			g := &groups[len(groups)-1]
			g.forms = append(g.forms, line)
		}
	}
	return groups, nil
}

// variedRows fills every group of a file with n texts, always the same.
func variedRows(t testing.TB, file string, n int) []labelled {
	t.Helper()
	groups, err := formsOf(file)
	require.NoError(t, err)
	v := newFiller()
	var rows []labelled
	for _, g := range groups {
		for i := range n {
			r := labelled{ID: g.name + "-" + strconv.Itoa(i), Group: g.name, Text: v.fill(g.forms[i%len(g.forms)])}
			r.Ctx.Repo, r.Ctx.Actor = v.repo(), v.user()
			rows = append(rows, r)
		}
	}
	require.Greater(t, len(rows), 300)
	return rows
}

// A filler makes values for holes.
type filler struct{ *rand.Rand }

func newFiller() filler { return filler{rand.New(rand.NewPCG(7, 11))} }

func (v filler) pick(of ...string) string { return of[v.IntN(len(of))] }

func (v filler) user() string {
	return v.pick("gentlementlegen", "Keyrxng", "0x4007", "ishowvel", "sshivaditya2019", "Meniole", "jordan-ae", "bansal-harsh-2504", "rndquu", "EresDev",
		"surafeldev", "0xmohtadi", "dependabot[bot]", "molecula451", "Zhaoxing-Q", "kr-42")
}

func (v filler) repo() string {
	return v.pick("ubiquity", "acme-labs", "0x4007", "Fernand0", "devpool-directory", "korrrba") + "/" +
		v.pick("work.ubq.fi", "pay.ubq.fi", ".github", "website", "uusd", "plugin-sdk", "rewards_v2", "dollar")
}

func (v filler) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[v.IntN(len(alphabet))]
	}
	return string(b)
}

func (v filler) hex(n int) string { return v.from("0123456789abcdef", n) }

func (v filler) number() string {
	return strconv.Itoa(v.IntN([...]int{90, 5000, 300000, 900000000}[v.IntN(4)]) + 10)
}

func (v filler) time() string {
	return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+v.IntN(12), 1+v.IntN(28), v.IntN(24), v.IntN(60), v.IntN(60), v.IntN(1000))
}

// value returns a value for the hole named name.
func (v filler) value(name string) string {
	switch name {
	case "n":
		return v.number()
	case "n1":
		return strconv.Itoa(1 + v.IntN(9))
	case "n2":
		return strconv.Itoa(1 + v.IntN(400))
	case "port":
		return strconv.Itoa(1024 + v.IntN(60000))
	case "lc":
		return strconv.Itoa(1+v.IntN(2000)) + ":" + strconv.Itoa(1+v.IntN(99))
	case "uuid":
		return v.hex(8) + "-" + v.hex(4) + "-4" + v.hex(3) + "-a" + v.hex(3) + "-" + v.hex(12)
	case "sha":
		return v.hex(40)
	case "hash8":
		return v.from("0123456789", 1) + v.hex(6) + "a"
	case "hex3", "hex8", "hex32", "hex40":
		n, _ := strconv.Atoi(name[3:])
		return v.hex(n)
	case "id":
		return "a" + v.from("0123456789", 2) + v.from("abcdefghijkmnpqrstuvwxyz", 2) + v.from("0123456789", 2) + v.from("abcdefghijkmnpqrstuvwxyz0123456789", 5)
	case "req":
		return strings.ToUpper(v.hex(4) + ":" + v.hex(5) + ":" + v.hex(7) + ":" + v.hex(7) + ":" + v.hex(8))
	case "user":
		return v.user()
	case "repo":
		return v.repo()
	case "owner":
		return v.pick("ubiquity", "acme-labs", "korrrba", "0x4007", "devpool-directory")
	case "branch":
		return v.pick("fix-118", "feat-x402", "development", "chore-deps-2026", "codex-loop-3f2", "hotfix-a1")
	case "ip":
		return fmt.Sprintf("%d.%d.%d.%d", 1+v.IntN(220), v.IntN(256), v.IntN(256), 1+v.IntN(250))
	case "ts":
		return v.time()
	case "date":
		return v.time()[:10]
	case "email":
		return v.pick("mona", "dev.one", "a-b") + "@" + v.pick("example.org", "mail.example.com")
	case "host":
		return "price-bot" + v.pick("", "-"+v.value("id")) + v.pick(".deno.dev", ".acme.workers.dev", ".ubiquity-os.deno.net", "-git-main.vercel.app")
	case "p":
		return v.pick("/app", "/home/runner/work/price-bot/price-bot", "/usr/src/app", "/home/node/app", "/opt/render/project", "/github/workspace", "/Users/mona/code/price-bot", "D:/a/price-bot/price-bot", "/var/task")
	}
	panic("no such hole: " + name)
}

// fill replaces the holes of a form and puts a log prefix in front unless the form forbids it.
func (v filler) fill(form string) string {
	form, bare := strings.CutPrefix(form, "!")
	var b strings.Builder
	for {
		open := strings.IndexByte(form, '{')
		end := strings.IndexByte(form[max(open, 0):], '}') + max(open, 0)
		if open < 0 || end <= open {
			break
		}
		if name := form[open+1 : end]; name != "" && len(name) < 7 && isLetter(name[0]) && !strings.ContainsAny(name, ` ":{\`) {
			b.WriteString(form[:open] + v.value(name))
			form = form[end+1:]
			continue
		}
		b.WriteString(form[:open+1])
		form = form[open+1:]
	}
	b.WriteString(form)
	text := strings.ReplaceAll(strings.ReplaceAll(b.String(), `\\n`, "\x00"), `\n`, "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\x00", `\n`), `\t`, "\t")
	if bare {
		return text
	}
	return v.pick("", "", "", "Error: ", v.time()+" ", "##[error]", v.time()+" ERROR ", "\x1b[31mError: \x1b[0m", "[ERROR] ", "\u274c ") + text
}
