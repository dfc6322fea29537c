package redact

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHidden(t *testing.T) {
	t.Parallel()
	for _, r := range "\x00\r\x1b\x7f\u0085\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200d\u202e\u2028\u2029\u2060\u2065\u2069\u3164\ue000\ufe00\ufe01\ufeff\uffa0\ufff9\U000e0001\U000e0041\U000e0100\U000e01ef\U000e0fff\U000f0000" {
		require.True(t, Hidden(r), "%U", r)
	}
	for _, r := range "\t\n aZ~é€漢字⚠\ufe0f\ufe0e🙂\ufffd" {
		require.False(t, Hidden(r), "%U", r)
	}
}
