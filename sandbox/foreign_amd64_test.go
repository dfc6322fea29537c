package sandbox_test

import (
	"bytes"
	"encoding/binary"
)

// foreignEnds is what is said of it where nothing holds it.
const foreignEnds = "exit status 42"

// foreign is a program that calls exit(42) through the 32-bit table.
func foreign() []byte {
	code := []byte{0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80}
	const at, head = 0x400000, 64 + 56
	var b bytes.Buffer
	b.Write([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	size := uint64(head + len(code))
	for _, v := range []any{uint16(2), uint16(62), uint32(1), uint64(at + head), uint64(64), uint64(0), uint32(0), uint16(64), uint16(56), uint16(1),
		uint16(0), uint16(0), uint16(0), // the program's header follows
		uint32(1), uint32(5), uint64(0), uint64(at), uint64(at), size, size, uint64(0x1000)} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return append(b.Bytes(), code...)
}
