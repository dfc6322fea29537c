package evals_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// real is what a daemon keeps of failures that it was told of: the capsule of the case, and a clone of the repository.
func real(t *testing.T, repo hotfix.Repo, event, payload, settings string) (read capsule.Capsule, clone string) {
	t.Helper()
	ctx := context.Background()
	stage, err := evals.NewStage(ctx, evals.StageConfig{Dir: t.TempDir(), Allow: []hotfix.Repo{repo}, NoFix: "this is a test"})
	require.NoError(t, err)
	defer func() { require.NoError(t, stage.Close()) }()
	require.NoError(t, stage.Forge.AddRepo(repo, map[string]string{"package.json": "{}\n"}))
	heads, err := stage.Forge.Branches(repo)
	require.NoError(t, err)
	k := kerneltest.Kernel{Key: stage.Key, Daemon: stage.Address, Token: stage.Token(false)}
	for n := range 3 {
		text := strings.NewReplacer("HEAD", heads["main"], "TRY", fmt.Sprint(n)).Replace(payload)
		_, err := k.Send(ctx, kerneltest.Fields{StateID: fmt.Sprintf("real-%d", n), Event: event, Payload: json.RawMessage(text), Settings: json.RawMessage(settings)})
		require.NoError(t, err)
		require.NoError(t, stage.Settle(ctx))
	}
	fp, err := stage.Engine.Store().Find(ctx, repo, 1)
	require.NoError(t, err)
	found, err := stage.Engine.Store().Case(ctx, fp)
	require.NoError(t, err)
	notice, err := stage.Engine.Store().Notice(ctx, found.Via)
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, capsule.Write(&file, capsule.Of(found, notice)))
	read, err = capsule.Read(&file)
	require.NoError(t, err)
	clone = filepath.Join(t.TempDir(), "clone")
	git(t, t.TempDir(), "clone", "--quiet", strings.Replace(stage.Forge.URL(), "://", "://x-access-token:"+stage.Forge.Token().Reveal()+"@", 1)+"/"+repo.String()+".git", clone)
	return read, clone
}

// TestARealFailureBecomesAFixture goes all the way: the kernel's request, the case in the daemon's store, its capsule in
// a file, the fixture made of it, and a run of that.
func TestARealFailureBecomesAFixture(t *testing.T) {
	t.Parallel()
	secret := "ghp_" + strings.Repeat("k7Qw", 9)
	for name, tt := range map[string]struct {
		repo                             hotfix.Repo
		event, payload, settings, answer string
		count                            int
	}{
		"plugin": {hotfix.Repo{Owner: "acme", Name: "greet"}, "kernel.plugin_error", `{"event":"kernel.plugin_error","timestamp":"2026-05-04T09:0TRY:00Z","stateId":"s-TRY","environment":"production",
			"trigger":{"githubEvent":"issues.opened","deliveryId":"d-TRY","repo":"acme/app","issueOrPr":3,"actor":"mona"},
			"plugin":{"type":"workflow","id":"acme/greet:compute.yml@https://greet.acme.example","owner":"acme","repo":"greet","ref":"https://greet.acme.example"},
			"error":{"message":"HTTP (target: https://greet.acme.example) 503: no healthy upstream","status":503,"category":"workflow"},
			"context":{"retryCount":0,"requestId":"r-TRY"},"logTrail":{"requestId":"r-TRY","lines":["ERROR upstream, token ` + secret + `"]},
			"repository":{"owner":{"login":"acme"},"name":"app","full_name":"acme/app"}}`, `{}`, "report - because=transient", 3},
		"run": {hotfix.Repo{Owner: "acme", Name: "widget"}, "workflow_run.completed", `{"action":"completed","sender":{"login":"mona","type":"User"},
			"repository":{"owner":{"login":"acme"},"name":"widget","full_name":"acme/widget"},
			"workflow_run":{"id":47TRY,"name":"CI","event":"push","conclusion":"startup_failure","head_sha":"HEAD","head_branch":"main","html_url":"https://github.com/acme/widget/actions/runs/47TRY",
			"updated_at":"2026-05-04T09:0TRY:00Z","pull_requests":[],"actor":{"login":"mona"}}}`, `{"allowWorkflowEvents":true,"modes":["issue"]}`, "report - because=fixes-off", 1}, // one commit, one failure
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, clone := real(t, tt.repo, tt.event, tt.payload, tt.settings)
			require.Equal(t, tt.count, made.Seen.Count)
			path, err := evals.Export{Capsule: made, Name: name, Want: tt.answer, Clone: clone, Into: t.TempDir()}.Write(context.Background())
			require.NoError(t, err)
			require.NoError(t, filepath.WalkDir(path, func(file string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := os.ReadFile(file)
				require.NotContains(t, string(text), secret, file)
				return err
			}))
			f, err := evals.Load(path)
			require.NoError(t, err)
			require.NotEmpty(t, f.Bundle, "the repository comes along")
			r, err := evals.Run(context.Background(), f, evals.Options{})
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			require.Contains(t, r.Page.Texts["issue.md"], string(made.Fingerprint), "the fixture is the capsule's problem")

			_, err = evals.Export{Capsule: made, Name: "x", Into: t.TempDir()}.Write(context.Background())
			require.ErrorContains(t, err, "right answer")
			made.Fingerprint = "v1-other"
			_, err = evals.Export{Capsule: made, Name: "x", Want: "report -", Into: t.TempDir()}.Write(context.Background())
			require.ErrorContains(t, err, "another problem")
		})
	}
}
