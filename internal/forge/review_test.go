package forge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestAutoMergeIsArmedOrTheDraftStays(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	n, err := c.OpenDraft(ctx, changed(t, c, "fixed"), proposal())
	require.NoError(t, err)
	gh.ForbidAutoMerge(greeter, true)
	require.ErrorIs(t, c.AutoMerge(ctx, greeter, n), forge.ErrNotArmed)
	require.True(t, gh.Pulls(greeter)[0].Pull.Draft)
	gh.ForbidAutoMerge(greeter, false)
	require.NoError(t, c.AutoMerge(ctx, greeter, n))
	pull := gh.Pulls(greeter)[0].Pull
	require.True(t, pull.AutoMerge)
	require.False(t, pull.Draft)
	require.False(t, pull.Merged)
}

func TestReviewOfADraft(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	tree := changed(t, c, "fixed")
	n, err := c.OpenDraft(ctx, tree, proposal())
	require.NoError(t, err)
	gh.AddUser("mona", "write", greeter)
	line, err := gh.Review(greeter, n, "mona", "Why?", "greet.go", 3)
	require.NoError(t, err)
	_, err = gh.Review(greeter, n, "mona", "All in all fine.", "", 0)
	require.NoError(t, err)
	_, err = gh.Comment(greeter, n, "mona", "Thanks.")
	require.NoError(t, err)
	require.NoError(t, c.Comment(ctx, greeter, n, redact.Scrub("Ours.")))
	remarks, err := c.Remarks(ctx, greeter, n)
	require.NoError(t, err)
	require.Len(t, remarks, 3, "not what we said ourselves")

	for range 2 {
		for _, m := range remarks {
			require.NoError(t, c.Answer(ctx, greeter, n, m.ID, redact.Scrub("Because.")))
		}
	}
	pull := gh.Pulls(greeter)[0]
	require.Len(t, pull.Pull.Lines, 2, "one answer, however often it is given")
	require.Equal(t, line, pull.Pull.Lines[1].ReplyTo)
	require.Len(t, pull.Comments, 4)

	head := pull.Pull.HeadSHA
	require.NoError(t, gh.AddCheck(greeter, head, "build", "failure"))
	require.NoError(t, gh.AddCheck(greeter, head, "lint", "success"))
	failed, done, err := c.Failing(ctx, greeter, head)
	require.NoError(t, err)
	require.True(t, done)
	require.Len(t, failed, 1)
	require.Equal(t, "build", failed[0].Name)

	require.NoError(t, tree.Write("greet.go", "package greeter\n\n// better\n"))
	p := proposal()
	p.Body = redact.Scrub("Now better.")
	next, err := c.UpdateDraft(ctx, tree, p, n, head)
	require.NoError(t, err)
	pull = gh.Pulls(greeter)[0]
	require.Equal(t, next, pull.Pull.HeadSHA)
	require.Equal(t, "Now better.", pull.Body)
	_, err = c.UpdateDraft(ctx, tree, p, n, head)
	require.ErrorIs(t, err, forge.ErrBranchTaken, "somebody has pushed since")
}

func TestWhatHappenedMeanwhile(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	all, err := gh.Branches(greeter)
	require.NoError(t, err)
	base := all["main"]
	changed, err := c.Changed(ctx, greeter, base)
	require.NoError(t, err)
	require.Empty(t, changed)
	_, err = gh.Commit(greeter, "main", "meanwhile", map[string]string{"new.go": "package greeter\n"})
	require.NoError(t, err)
	changed, err = c.Changed(ctx, greeter, base)
	require.NoError(t, err)
	require.Equal(t, []string{"new.go"}, changed)

	issue, err := gh.OpenIssue(greeter, "mona", "It fails", "So it does.")
	require.NoError(t, err)
	_, err = gh.Commit(greeter, "mine", "mine", map[string]string{"mine.go": "package greeter\n"})
	require.NoError(t, err)
	rivals, err := c.Rivals(ctx, greeter, issue, "hotfix/x")
	require.NoError(t, err)
	require.Empty(t, rivals)
	other, err := gh.OpenPull(greeter, "mona", "mine", "Mine", "It fixes #1.")
	require.NoError(t, err)
	rivals, err = c.Rivals(ctx, greeter, issue, "hotfix/x")
	require.NoError(t, err)
	require.Equal(t, []int{other}, rivals)
	rivals, err = c.Rivals(ctx, greeter, issue, "mine")
	require.NoError(t, err)
	require.Empty(t, rivals, "our own is no rival")
}

func TestReadOnlyWritesNothing(t *testing.T) {
	t.Parallel()
	gh := start(t)
	open := connect(t, gh)
	c := connect(t, gh, func(cfg *forge.Config) { cfg.ReadOnly = true })
	issue, err := gh.OpenIssue(greeter, "mona", "It fails", "So it does.")
	require.NoError(t, err)
	gh.ResetCalls()
	_, err = c.OpenDraft(ctx, changed(t, c, "fixed"), proposal())
	require.ErrorIs(t, err, forge.ErrReadOnly)
	require.ErrorIs(t, c.Comment(ctx, greeter, issue, redact.Scrub("x")), forge.ErrReadOnly)
	require.ErrorIs(t, c.SetState(ctx, greeter, issue, "closed", "completed"), forge.ErrReadOnly)
	_, err = c.SaveIssue(ctx, forge.Issue{Repo: greeter, Marker: "<!-- m -->", Title: "x", Body: redact.Scrub("<!-- m -->")})
	require.ErrorIs(t, err, forge.ErrReadOnly)
	_, err = c.PullState(ctx, greeter, issue)
	require.ErrorIs(t, err, forge.ErrGone, "reads go through")
	require.Empty(t, gh.Writes())
	n, err := open.OpenDraft(ctx, changed(t, open, "fixed"), proposal())
	require.NoError(t, err)
	require.ErrorIs(t, c.AutoMerge(ctx, greeter, n), forge.ErrReadOnly)
	require.True(t, gh.Pulls(greeter)[0].Pull.Draft)
}
