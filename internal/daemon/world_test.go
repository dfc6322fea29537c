package daemon_test

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"

// fault makes the next call with this method fail.
func fault(method string, status int) forgetest.Fault {
	return forgetest.Fault{On: method, Status: status}
}
