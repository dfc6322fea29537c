package sandbox

import (
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// npmRegistries serve the packages of npm, pnpm, Yarn and Bun.
var npmRegistries = []string{"registry.npmjs.org:443", "registry.yarnpkg.com:443"}

// nodeInstallation is what fetches the packages of a package.json: the manager that wrote the lock file. Nil if there
// are none, or if they are in the repository.
func nodeInstallation(t *Tree, m manifest) *Installation {
	if len(m.Deps)+len(m.DevDeps) == 0 || t.exists(boot.ModulesDir) {
		return nil
	}
	var in *Installation
	switch lock := ""; {
	case t.Has("bun.lock"), t.Has("bun.lockb"):
		in = bunInstallation()
	case t.reads("pnpm-lock.yaml", &lock):
		in = pnpmInstallation(m, lock)
	case t.reads("yarn.lock", &lock):
		in = yarnInstallation(m, lock)
	case t.Has("package-lock.json"), t.Has("npm-shrinkwrap.json"), !bunRuns.MatchString(m.Scripts["test"]):
		in = npmInstallation(t)
	default:
		in = bunInstallation()
	}
	for _, s := range []string{"preinstall", "install", "postinstall", "prepare"} {
		if m.Scripts[s] != "" && in.Scripts == nil {
			in.Scripts = in.withScripts()
		}
	}
	in.Registries = npmRegistries
	in.Locks = []string{"package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock", "bun.lock",
		"bun.lockb", ".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml"}
	return in
}

// reads reports whether the tree has a file, and reads it.
func (t *Tree) reads(name string, into *string) bool {
	data, err := t.read(name, maxBlob)
	*into = string(data)
	return err == nil
}

// withScripts is the install command without the option that holds scripts back.
func (in *Installation) withScripts() []string {
	out := make([]string, 0, len(in.Command))
	for _, w := range in.Command {
		for _, option := range []string{" --ignore-scripts", " --mode=skip-build"} {
			w = strings.ReplaceAll(w, option, "")
		}
		if w != "--ignore-scripts" {
			out = append(out, w)
		}
	}
	return out
}

func npmInstallation(t *Tree) *Installation {
	relaxed := []string{"npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"}
	in := &Installation{Command: relaxed}
	in.Scripts = in.withScripts()
	for _, name := range []string{"package-lock.json", "npm-shrinkwrap.json"} {
		lock := ""
		if !t.reads(name, &lock) {
			continue
		}
		in.Command = []string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}
		in.Relaxed, in.Scripts = relaxed, nil
		if strings.Contains(lock, `"hasInstallScript": true`) {
			in.Scripts = in.withScripts()
		}
	}
	return in
}

// managed is a shell command with a package manager that is fetched from the registry where the machine has none.
func managed(program, pkg, args string) []string {
	return []string{"sh", "-c", "command -v " + program + " >/dev/null || " + program + "() { npx --yes --ignore-scripts --package=" + pkg + " " + program +
		` "$@"; }; ` + program + " " + args}
}

var exactVersion = regexp.MustCompile(`^(pnpm|yarn)@(\d{1,3}\.\d{1,3}\.\d{1,3})(\+.*)?$`)

// version is the one that package.json asks for, or the one given.
func version(m manifest, program, otherwise string) string {
	if v := exactVersion.FindStringSubmatch(m.Manager); v != nil && v[1] == program {
		return v[2]
	}
	return otherwise
}

var pnpmLock = regexp.MustCompile(`(?m)^lockfileVersion: '?(\d+)`)

// pnpmInstallation takes the version of pnpm that wrote the lock file.
func pnpmInstallation(m manifest, lock string) *Installation {
	major := "9"
	if v := pnpmLock.FindStringSubmatch(lock); v != nil {
		switch v[1] {
		case "5":
			major = "7"
		case "6":
			major = "8"
		}
	}
	pkg := "pnpm@" + version(m, "pnpm", major)
	in := &Installation{
		Command: managed("pnpm", pkg, "install --frozen-lockfile --ignore-scripts"),
		Relaxed: managed("pnpm", pkg, "install --no-lockfile --ignore-scripts"),
		Env:     map[string]string{"npm_config_store_dir": "/tmp/pnpm-store", "npm_config_package_import_method": "hardlink"},
	}
	if strings.Contains(lock, "requiresBuild: true") {
		in.Scripts = in.withScripts()
	}
	return in
}

// yarnInstallation tells Yarn 1 from what came after it by the lock file. Later ones lay out node_modules too.
func yarnInstallation(m manifest, lock string) *Installation {
	if !strings.Contains(lock, "__metadata:") {
		pkg := "yarn@" + version(m, "yarn", "1.22.22")
		return &Installation{
			Command: managed("yarn", pkg, "install --frozen-lockfile --non-interactive --ignore-scripts"),
			Relaxed: managed("yarn", pkg, "install --no-lockfile --non-interactive --ignore-scripts"),
			Env:     map[string]string{"YARN_CACHE_FOLDER": "/tmp/yarn-cache"},
		}
	}
	pkg, frozen, skip := "@yarnpkg/cli-dist@"+version(m, "yarn", "4"), " --no-immutable", " --mode=skip-build"
	if v := version(m, "yarn", ""); v != "" { // another version writes the same locks in another format
		frozen = " --immutable"
		if strings.HasPrefix(v, "2.") {
			skip = " --skip-builds"
		}
	}
	relaxed := managed("yarn", pkg, "install --no-immutable"+skip)
	relaxed[2] = ": >yarn.lock; " + relaxed[2]
	return &Installation{
		Command: managed("yarn", pkg, "install"+frozen+skip),
		Relaxed: relaxed,
		Env: map[string]string{"YARN_NODE_LINKER": "node-modules", "YARN_ENABLE_TELEMETRY": "0", "YARN_ENABLE_GLOBAL_CACHE": "false",
			"YARN_CACHE_FOLDER": "/tmp/yarn-cache"},
	}
}

// bunInstallation reads Bun's lock file with Bun, and the manifest with npm where the machine has no Bun.
func bunInstallation() *Installation {
	orNPM := "command -v bun >/dev/null || exec npm install --no-package-lock --ignore-scripts --no-audit --no-fund; exec bun install"
	return &Installation{
		Command: []string{"sh", "-c", orNPM + " --frozen-lockfile --ignore-scripts"},
		Relaxed: []string{"sh", "-c", orNPM + " --no-save --ignore-scripts"},
		Env:     map[string]string{"BUN_INSTALL_CACHE_DIR": "/tmp/bun-cache"},
	}
}
