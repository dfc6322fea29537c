package model

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var m memory
	for i := range memoryMax + 5 {
		m.keep(fmt.Sprint(i), kept{call: object{"x": json.RawMessage("1")}})
	}
	m.keep("nothing", kept{call: object{}})
	require.Len(t, m.calls, memoryMax)
	require.Len(t, m.order, memoryMax)
	require.Empty(t, m.recall("4").call)
	require.NotEmpty(t, m.recall("5").call)
}
