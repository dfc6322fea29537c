package sandbox

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// origin looks for the commit that brought the fault in, if that was asked for and the added tests have names to
// look for.
func (r *trial) origin(p hotfix.Patch) error {
	if !r.Origin || len(r.evidence.Shown) == 0 {
		return nil
	}
	files := map[string]string{}
	for _, f := range p.Files {
		if f.Deleted || !r.tc.ofTests(f.Path) {
			continue
		}
		text, err := r.new.Read(f.Path)
		if err != nil {
			return err
		}
		files[f.Path] = text
	}
	b := Bisection{Box: r.Box, Tree: r.start, Toolchain: r.tc, Files: files, Failing: r.evidence.Shown, Progress: r.Progress}
	found, err := b.Find(r.ctx)
	if err != nil {
		return fmt.Errorf("look for the commit that brought the fault in: %w", err)
	}
	r.evidence.Origin = &found
	return nil
}
