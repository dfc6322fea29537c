package evals

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzInstances: rows of SWE-bench are complete, or an error that names the line.
func FuzzInstances(f *testing.F) {
	row := `{"instance_id":"a__b-1","repo":"a/b","base_commit":"` + strings.Repeat("a", 40) + `","problem_statement":"boom","test_patch":"diff","FAIL_TO_PASS":"[\"t\"]","PASS_TO_PASS":[]}`
	f.Add(row + "\n\n" + row)
	f.Add(`{"FAIL_TO_PASS":{}}`)
	f.Add("not json")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadInstances(strings.NewReader(text))
		if err != nil {
			require.Contains(t, err.Error(), "line ")
			return
		}
		for _, i := range got {
			require.NoError(t, i.complete())
		}
	})
}

// FuzzPredictions: anybody's predictions have a name each, or are an error that names the line.
func FuzzPredictions(f *testing.F) {
	for _, s := range []string{`{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff"}`, `{"org":"a","repo":"b","number":1,"fix_patch":"diff"}`, `{"number":"x"}`, `{"instance_id":7}`, "null", "", "\n\n{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadPredictions(strings.NewReader(text))
		if err != nil {
			require.Contains(t, err.Error(), "line ")
			return
		}
		for _, p := range got {
			require.NotEmpty(t, p.ID)
		}
	})
}

// FuzzFixture: a part of a fixture of any name and content is taken or refused.
func FuzzFixture(f *testing.F) {
	for name, text := range map[string]string{"event.json": `{"error":{"message":"boom"}}`, "world.json": `{"kind":"bug"}`, "repo/a.js": "a", "history/1/a.js": "b", "judge/a.test.js": "c", "want/outcome": "issue\n",
		"model.jsonl": `{"version":1}`, "steps": "send event.json", "settings.json": "{", "../out": "x"} {
		f.Add(name, []byte(text))
	}
	f.Fuzz(func(_ *testing.T, name string, text []byte) {
		fixture := &Fixture{Name: "f", Settings: "{}", Events: map[string]string{}, Files: map[string]string{}, History: map[string]map[string]string{}, Judge: map[string]string{}, Want: map[string]string{}}
		if fixture.take(name, text) == nil {
			_ = fixture.check() // that it says what is wrong is tested elsewhere
		}
	})
}
