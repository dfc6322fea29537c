package redact

// Every fourth 8 bytes of a form are indexed, so that any part of it of 11 bytes or more holds an indexed place. Of a
// value longer than long, like the kernel's attestation, it is every sixteenth, and a part of 40 bytes holds two: with so
// many forms of such length it would cost more than all else that a delivery does.
const (
	gram     = 8
	gramStep = 4
	long     = 256
	longStep = 16
)

// An index finds where in the forms of its values 8 bytes stand. Values are only added: to forget some, forget it all.
// It is a table of our own because each delivery adds thousands of places: Go's maps take ten times as long.
type index struct {
	values map[string]bool
	forms  []string
	slots  []slot // the place of a gram is in the first slot from its hash on that holds it or is empty
	shift  uint
	used   int
}

// A slot is a gram and its place in a form. Forms are counted from 1, so that the zero slot is empty.
type slot struct {
	gram     uint64 // to look it up in the form would miss the processor's cache each time
	form, at int32
}

// add adds every form of a value, and calls fresh for each gram that was not there.
func (x *index) add(value string, forms []string, fresh func(uint64)) {
	if x.values == nil {
		x.values = map[string]bool{}
	}
	x.values[value] = true
	step := gramStep
	if len(value) > long {
		step = longStep
	}
	for _, form := range forms {
		x.forms = append(x.forms, form)
		x.reserve(len(form) / step)
		for at := 0; at+gram <= len(form); at += step {
			g := load(form, at)
			if s := x.slot(g); s.form == 0 {
				*s = slot{g, int32(len(x.forms)), int32(at)}
				x.used++
				fresh(g)
			}
		}
	}
}

// forget makes the index empty and keeps its room.
func (x *index) forget() {
	clear(x.values)
	clear(x.forms)
	clear(x.slots)
	x.forms, x.used = x.forms[:0], 0
}

// reserve makes room for more places; at most half of the slots are used.
func (x *index) reserve(more int) {
	if 2*(x.used+more) <= len(x.slots) {
		return
	}
	old, bits := x.slots, uint(10)
	for 1<<bits < 4*(x.used+more) {
		bits++
	}
	x.slots, x.shift = make([]slot, 1<<bits), 64-bits
	for _, s := range old {
		if s.form != 0 {
			*x.slot(s.gram) = s
		}
	}
}

// slot is where the place of a gram is, or would be.
func (x *index) slot(g uint64) *slot {
	for i := hash(g) >> x.shift; ; i++ {
		s := &x.slots[i&uint64(len(x.slots)-1)]
		if s.form == 0 || s.gram == g {
			return s
		}
	}
}

// place finds a gram in a form.
func (x *index) place(g uint64) (form string, at int, ok bool) {
	if x.used == 0 {
		return "", 0, false
	}
	s := x.slot(g)
	if s.form == 0 {
		return "", 0, false
	}
	return x.forms[s.form-1], int(s.at), true
}

// each calls f for every gram.
func (x *index) each(f func(uint64)) {
	for _, s := range x.slots {
		if s.form != 0 {
			f(s.gram)
		}
	}
}

func hash(g uint64) uint64 { return g * 0x9e3779b97f4a7c15 }

func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}
