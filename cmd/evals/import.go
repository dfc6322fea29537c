package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
)

type importCmd struct {
	Dataset string   `arg:"" help:"JSON lines of a dataset in the format of SWE-bench or Multi-SWE-bench." type:"existingfile"`
	Mirrors string   `help:"Folder with clones of the repositories: owner/name, owner__name or name." required:"" type:"existingdir"`
	Into    string   `help:"Folder for the fixtures." required:"" type:"path"`
	Only    []string `help:"Only these instance ids."`
}

// Help is the long text of `import --help`.
func (*importCmd) Help() string {
	return `Each instance becomes a folder fixture whose history ends at the base commit and whose judge has the tests of the test patch.

Examples:
  evals import lite.jsonl --mirrors mirrors --into out/lite
  evals run --live --dir out/lite --out out/lite-results
  evals predict out/lite-results --model my-model > predictions.jsonl
  evals judge predictions.jsonl --dir out/lite`
}

// Run is `evals import`.
func (c *importCmd) Run(ctx context.Context) error {
	file, err := os.Open(c.Dataset)
	if err != nil {
		return err
	}
	defer file.Close()
	instances, err := evals.ReadInstances(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dataset, err)
	}
	wanted := map[string]bool{}
	for _, id := range c.Only {
		wanted[id] = true
	}
	made := 0
	for _, i := range instances {
		if len(wanted) > 0 && !wanted[i.ID] {
			continue
		}
		dir, err := evals.Import(ctx, i, c.Mirrors, c.Into)
		if err != nil {
			return fmt.Errorf("import %s: %w", i.ID, err)
		}
		made++
		fmt.Println(dir)
	}
	if made == 0 {
		return fmt.Errorf("none of the %d instances was asked for", len(instances))
	}
	return nil
}

type predictCmd struct {
	From  string `arg:"" help:"A report.json, or the folder it is in." type:"path"`
	Model string `help:"Name of the model, for the leaderboard." default:"daemon-hotfix"`
	Multi bool   `help:"Write the format of Multi-SWE-bench."`
}

// Help is the long text of `evals predict --help`.
func (*predictCmd) Help() string {
	return `Examples:
  evals predict out/lite-results --model my-model > predictions.jsonl`
}

// Run is `evals predict`.
func (c *predictCmd) Run() error {
	r, err := evals.ReadReport(c.From)
	if err != nil {
		return err
	}
	lines, err := r.Predictions(c.Model, c.Multi)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(lines)
	return err
}

type judgeCmd struct {
	Predictions string `arg:"" help:"JSON lines: instance_id, model_name_or_path, model_patch, or Multi-SWE-bench's names." type:"existingfile"`
	Dir         string `help:"Directory with the fixtures that import made." required:"" type:"existingdir"`
}

// Help is the long text of `evals judge --help`.
func (*judgeCmd) Help() string {
	return `Examples:
  evals judge predictions.jsonl --dir out/lite`
}

// Run is `evals judge`. It prints JSON under the names that the evaluators of the ecosystem use.
func (c *judgeCmd) Run(ctx context.Context) error {
	file, err := os.Open(c.Predictions)
	if err != nil {
		return err
	}
	defer file.Close()
	predictions, err := evals.ReadPredictions(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Predictions, err)
	}
	fixtures, err := evals.All(c.Dir, "")
	if err != nil {
		return err
	}
	box, err := box()
	if err != nil {
		return err
	}
	j, err := evals.JudgePredictions(ctx, fixtures, predictions, box)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(j)
}

type exportCmd struct {
	Capsule string `arg:"" help:"A file that daemon-hotfix capsule wrote." type:"existingfile"`
	Name    string `help:"Name of the fixture." required:""`
	Want    string `help:"The right answer, as a line of want/outcome: \"report -\", \"fix draft-opened\", ..." required:""`
	Clone   string `help:"A clone of the plugin's repository; its history up to the commit that failed goes into the fixture." type:"existingdir"`
	Into    string `help:"Folder for the fixture." default:"evals/fixtures" type:"path"`
}

// Help is the long text of `evals export --help`.
func (*exportCmd) Help() string {
	return `Examples:
  evals export greeter-12.json --name greeter-null --want "fix draft-opened" --clone ~/src/greeter`
}

// Run is `evals export`.
func (c *exportCmd) Run(ctx context.Context) error {
	file, err := os.Open(c.Capsule)
	if err != nil {
		return err
	}
	defer file.Close()
	read, err := capsule.Read(file)
	if err != nil {
		return err
	}
	dir, err := evals.Export{Capsule: read, Name: c.Name, Clone: c.Clone, Want: c.Want, Into: c.Into}.Write(ctx)
	if err == nil {
		fmt.Println(dir)
	}
	return err
}
