package sandbox

import (
	"regexp"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

var pythonTest = regexp.MustCompile(`(^|/)(test_[^/]*|[^/]*_test)\.py$`)

// detectPython recognises the files that Python projects keep at their root, where some file holds tests for pytest.
func detectPython(t *Tree) *Toolchain {
	known := false
	for _, name := range []string{"pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt"} {
		known = known || t.Has(name)
	}
	if !known {
		return nil
	}
	tc := &Toolchain{
		Name: "python", Timeout: 5 * time.Minute, IsTest: pythonTest.MatchString,
		Env: map[string]string{"CI": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
			"PYTHONPATH": boot.TreeDir + "/src:" + boot.TreeDir + ":" + boot.DepsDir + "/python"},
		Test:   shell("", "python3 -m pytest -p no:cacheprovider --junitxml=/tmp/report.xml", "", ""),
		Named:  &Flag{After: "python3 -m pytest", Write: runPytest},
		Report: "/tmp/report.xml", Read: readJUnit,
	}
	var from []string
	for _, name := range []string{"requirements.txt", "requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt"} {
		text := ""
		if t.reads(name, &text) && strings.TrimSpace(text) != "" {
			from = append(from, "-r", name)
		}
	}
	if text := ""; t.reads("pyproject.toml", &text) && pythonDeps.MatchString(text) && len(from) == 0 {
		from = []string{"."}
	}
	if len(from) == 0 {
		return tc
	}
	pip := append([]string{"python3", "-m", "pip", "install", "--no-input", "--no-cache-dir", "--target", boot.DepsDir + "/python"}, from...)
	tc.Install = &Installation{
		Command:    append(pip[:len(pip):len(pip)], "--only-binary", ":all:"), // a wheel runs nothing when it is installed
		Scripts:    pip,
		Registries: []string{"pypi.org:443", "files.pythonhosted.org:443"},
		Locks: []string{"requirements.txt", "requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt", "pyproject.toml", "setup.py",
			"setup.cfg"},
	}
	return tc
}

var pythonDeps = regexp.MustCompile(`(?m)^\s*dependencies\s*=\s*\[\s*["']|^\s*dependencies\s*=\s*\[\s*$`)
