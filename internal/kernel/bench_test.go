package kernel

import "testing"

// BenchmarkOpen: what one request costs before it is durable. "stranger" is one that nobody signed.
func BenchmarkOpen(b *testing.B) {
	opts := vectorKey(b)
	for name, file := range map[string]string{"failure": "captured-http-502", "megabyte": "payload-one-megabyte", "bomb": "payload-brotli-bomb", "stranger": "wrong-key"} {
		v := readVector(b, "testdata/vectors/"+file+".json")
		opts := opts
		opts.Now = v.Now
		body := v.body(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				d, err := Open(body, opts)
				if err == nil {
					_, err = d.Notice()
				}
				_ = err // the bomb and the stranger are refused
			}
		})
	}
}
