package plugin_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/acme/problem-board/board"
	"github.com/acme/problem-board/internal/hotfix"
	"github.com/acme/problem-board/internal/redact"
	"github.com/acme/problem-board/plugin"
)

func TestJudgeABurstIsOnTheBoard(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for n := 1; n <= 12; n++ {
		var got board.Board
		p := plugin.Plugin{Save: func(_ string, data []byte) error { return json.Unmarshal(data, &got) }}
		fail := func(id string, at time.Time) hotfix.Failure {
			return hotfix.Failure{ID: id, Plugin: hotfix.Plugin{Repo: hotfix.Repo{Owner: "acme", Name: "greeter"}}, Message: redact.Scrub("boom"), At: at, Heard: at}
		}
		if err := p.OnFailures(at, "slow", fail("s1", at)); err != nil {
			t.Fatal(err)
		}
		if err := p.OnFailures(at.Add(48*time.Hour), "slow", fail("s2", at.Add(48*time.Hour))); err != nil {
			t.Fatal(err)
		}
		var burst []hotfix.Failure
		for i := range n {
			burst = append(burst, fail(fmt.Sprint("b", i), at.Add(time.Hour)))
		}
		if err := p.OnFailures(at.Add(50*time.Hour), "burst", burst...); err != nil {
			t.Fatalf("%d at once: %v", n, err)
		}
		if len(got.Rows) != 2 {
			t.Fatalf("%d at once: there are %d rows, want 2", n, len(got.Rows))
		}
		for _, r := range got.Rows {
			switch {
			case r.Problem == "slow" && r.Rate != 0.5:
				t.Errorf("%d at once: the rate of the slow one is %v, want 0.5", n, r.Rate)
			case r.Problem == "burst" && (r.Count != n || r.Rate < 0 || math.IsNaN(r.Rate) || math.IsInf(r.Rate, 0)):
				t.Errorf("%d at once: the burst has %d failures and the rate %v", n, r.Count, r.Rate)
			}
		}
	}
}
