package model_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// FuzzReplay: a file is a transcript that can be replayed, or an error.
func FuzzReplay(f *testing.F) {
	for _, s := range []string{`{"version":1,"model":"m"}` + "\n" + `{"n":1,"reply":"hm"}`, `{"version":9}`, `{"version":1}` + "\n{}", "", "\n\n", `{"version":1}` + "\n" + `{"n":7,"reply":"x"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		p, err := model.Replay(strings.NewReader(file), model.Expect{})
		if err == nil {
			require.NotEmpty(t, p.Name())
			require.GreaterOrEqual(t, p.Left(), 0)
		}
	})
}
