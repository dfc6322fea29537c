package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestWhatRecallsAFailure(t *testing.T) {
	t.Parallel()
	const login = "HTTP (target: https://plugin.example) 500: TypeError: Cannot read properties of undefined (reading 'login')"
	for _, tt := range []struct {
		name, reported, output, test string
		want                         bool
	}{
		{"its kind", login, "✖ ghosts\n  TypeError: user is null\n", "", true},
		{"what it quotes", login, "Error: expected a login\n", "", true},
		{"another kind", login, "AssertionError [ERR_ASSERTION]: 1 == 2\n", "", false},
		{"its kind in a title of the test only", login, "✖ no TypeError for ghosts\n  AssertionError: 1 == 2\n", "test(\"no TypeError for ghosts\", () => {});", false},
		{"its message printed by the test only", login, "TypeError: Cannot read properties of undefined (reading 'login')\nAssertionError: 1 == 2\n",
			"console.log(\"TypeError: Cannot read properties of undefined (reading 'login')\");", false},
		{"its words in a row", "Error: the wallet has no address yet", "Error: wallet has no address\n", "", true},
		{"its words scattered", "Error: the wallet has no address yet", "no wallet, so address it has\n", "", false},
		{"words of its address", "HTTP (target: https://labels.example/compute) 500: Error: quota of mona exceeded", "target https labels example compute\n", "", false},
		{"a file of its stack", "boom\n    at run (/app/src/wallet.ts:10:3)", "Error: other\n    at pay (file:///tree/src/wallet.ts:14:9)\n", "", true},
		{"one word of its own", "HTTP (target: https://plugin.example) 500: Error: boom", "Error: boom\n", "", true},
		{"one word of its own, elsewhere", "HTTP (target: https://plugin.example) 500: Error: boom", "AssertionError: 1 == 2\n", "", false},
		{"a runtime error of Go", "panic: runtime error: integer divide by zero", "panic: runtime error: integer divide by zero [recovered]\n", "", true},
		{"an exception of Python", "KeyError: 'user'", "E   KeyError: 'user'\n", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := like(tt.reported)
			require.False(t, l.silent())
			require.Equal(t, tt.want, l.in(hotfix.TestRun{Output: redact.Scrub(tt.output)}, tt.test), "%q", l.marks)
		})
	}
	require.True(t, like("it failed").silent())
	require.True(t, like("Workflow run failed with status code 1").silent())
	require.True(t, like("HTTP (target: https://plugin.example/a/b) 500: no").silent())
}
