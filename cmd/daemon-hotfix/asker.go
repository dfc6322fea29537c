package main

import (
	"context"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// asker is on whose behalf the gateway of UbiquityOS is asked about a notice. Its token is renewed where the kernel's
// address is known, and is not used where it has run out.
func (h *hub) asker(n hotfix.Notice) model.Asker {
	owner, repo, installation := kernel.Attested(n.Attestation)
	a := model.Asker{Token: n.Token, Attestation: n.Attestation, Owner: owner, Repo: repo, Installation: installation}
	a.Fresh = func(ctx context.Context) (token, attestation redact.Secret, err error) {
		token, attestation = n.Token, n.Attestation
		if h.renew != nil {
			token, attestation, err = h.renew.Renew(ctx, n.Token, n.Attestation)
		}
		if (h.renew == nil || err != nil) && kernel.Lapsed(attestation, time.Now()) {
			return token, attestation, kernel.ErrExpired
		}
		return token, attestation, nil // one that could not be renewed yet is still good
	}
	return a
}
