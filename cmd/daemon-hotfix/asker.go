package main

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// asker is on whose behalf the gateway of UbiquityOS is asked about a notice.
func asker(n hotfix.Notice) model.Asker {
	owner, repo, installation := kernel.Attested(n.Attestation)
	return model.Asker{Token: n.Token, Attestation: n.Attestation, Owner: owner, Repo: repo, Installation: installation}
}
