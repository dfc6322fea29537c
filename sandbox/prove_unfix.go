package sandbox

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"

// unfix takes the changes outside of tests back, and nothing else. The added tests must fail again: a test that is
// green now is made so by something other than the fix, such as a file that it brought along.
func (r *trial) unfix(p hotfix.Patch) error {
	files, ok, err := sources(r.tc, p)
	if err != nil || len(files) == 0 {
		return err
	}
	if !ok {
		r.gap("fix-not-reversible", "The patch renames files or changes some that are not text, so the fix cannot be taken back alone to see the tests fail.")
		return nil
	}
	unfixed, remove, err := r.new.Checkout(r.new.Base)
	if err != nil {
		return err
	}
	defer func() { _ = remove() }()
	for _, f := range files {
		if err := rewrite(unfixed, r.old, f, func(hunk) bool { return false }); err != nil {
			return err
		}
	}
	for _, name := range added(p) {
		r.say("%s, new code without the fix", name)
		run, err := r.test(unfixed, name)
		if err != nil {
			return err
		}
		r.evidence.Unfixed = append(r.evidence.Unfixed, run)
		switch {
		case run.Cause != "":
			r.gap("fix-not-needed", "With only the fix taken back, %s ended by %s rather than by failing.", name, run.Cause)
		case run.Passed:
			r.gap("fix-not-needed", "%s still passes when only the fix is taken back, so the fix is not what it tests.", name)
		}
	}
	return nil
}
