package groups

import "testing"

func TestJudgeIdsDoNotDecide(t *testing.T) {
	var l Ledger
	for i, id := range []string{"24f633ef2bf1d25d", "b52dc2bb6aafbd20", "e0911c55a7f04d3b", "f3ab90c2d5e7718a"} {
		l.Add(failure("acme/assets", "StaleIndexException: Index stale (snapshot "+id+")", i))
		l.Add(failure("acme/assets", "StaleIndexException: Index stale, snapshot "+id, i))
	}
	for _, n := range []int{3, 5, 7} {
		if err := l.Same("mona", 1, n); err != nil {
			t.Error(err)
		}
		if err := l.Same("mona", 2, n+1); err != nil {
			t.Error(err)
		}
	}
}

func TestJudgeClassesStayApart(t *testing.T) {
	for _, id := range []string{"24f633ef2bf1d25d", "b52dc2bb6aafbd20"} {
		var l Ledger
		l.Add(failure("acme/assets", "StaleIndexException: Index stale (snapshot "+id+")", 0))
		l.Add(failure("acme/assets", "LostIndexException: Index stale (snapshot "+id+")", 1))
		if len(l.Groups()) != 2 {
			t.Errorf("with id %s, two classes that say nothing else are one group", id)
		}
	}
}
