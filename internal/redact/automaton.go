package redact

import (
	"sort"
	"strings"
)

// An automaton finds every occurrence of many short patterns in one pass, whatever their case: Aho and Corasick's
// machine as one dense table. States that accept are numbered last, so one comparison per byte tells.
type automaton struct {
	class [256]uint8
	shift uint
	next  []uint16
	first int        // states from here on accept
	out   [][]uint16 // patterns that end in state first+i, longest first
}

// node is one state of the trie the table is made from.
type node struct {
	next map[uint8]int
	fail int
	out  []uint16
}

// newAutomaton builds the table. Patterns are in lower case and ASCII.
func newAutomaton(patterns []string) *automaton {
	a := &automaton{}
	width := a.classes(patterns)
	for a.shift = 0; 1<<a.shift < width; {
		a.shift++
	}
	nodes := []node{{next: map[uint8]int{}}}
	for number, p := range patterns {
		at := 0
		for i := range len(p) {
			c := a.class[p[i]]
			to, ok := nodes[at].next[c]
			if !ok {
				to = len(nodes)
				nodes = append(nodes, node{next: map[uint8]int{}})
				nodes[at].next[c] = to
			}
			at = to
		}
		nodes[at].out = append(nodes[at].out, uint16(number))
	}
	a.table(nodes, link(nodes), patterns)
	return a
}

// classes gives every byte that occurs in a pattern a small number of its own, upper and lower case the same.
func (a *automaton) classes(patterns []string) int {
	width := 1
	for _, p := range patterns {
		for i := range len(p) {
			if c := p[i]; a.class[c] == 0 {
				a.class[c] = uint8(width)
				a.class[strings.ToUpper(string(c))[0]] = uint8(width)
				width++
			}
		}
	}
	return width
}

// link sets where each state continues when its text does not, and returns the states nearest the root first.
func link(nodes []node) []int {
	order := []int{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for c, to := range nodes[at].next {
			order = append(order, to)
			if at == 0 {
				continue
			}
			back := nodes[at].fail
			for back != 0 && !has(nodes[back].next, c) {
				back = nodes[back].fail
			}
			nodes[to].fail = nodes[back].next[c]
			nodes[to].out = append(nodes[to].out, nodes[nodes[to].fail].out...)
		}
	}
	return order
}

func has(m map[uint8]int, c uint8) bool { _, ok := m[c]; return ok }

// table lays the trie out densely.
func (a *automaton) table(nodes []node, order []int, patterns []string) {
	number := make([]int, len(nodes))
	silent := 0
	for _, n := range order {
		if len(nodes[n].out) == 0 {
			number[n] = silent
			silent++
		}
	}
	a.first = silent
	accepting := silent
	for _, n := range order {
		if len(nodes[n].out) > 0 {
			number[n] = accepting
			accepting++
		}
	}
	a.next = make([]uint16, len(nodes)<<a.shift)
	a.out = make([][]uint16, accepting-silent)
	for _, n := range order { // a state's fallback is nearer the root, so its row is already there
		row := number[n] << a.shift
		copy(a.next[row:row+1<<a.shift], a.next[number[nodes[n].fail]<<a.shift:])
		for c, to := range nodes[n].next {
			a.next[row+int(c)] = uint16(number[to])
		}
		if out := nodes[n].out; len(out) > 0 {
			sort.Slice(out, func(i, j int) bool { return len(patterns[out[i]]) > len(patterns[out[j]]) })
			a.out[number[n]-silent] = out
		}
	}
}
