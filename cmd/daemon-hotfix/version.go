package main

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// release is stamped by the linker for a release build.
var release string

// version names the build: the release, or the commit it was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "devel"
}

// home is the repository that this program is built from.
const home = "ubiquity-os-marketplace/daemon-hotfix"

// shortName is "owner/repo@ref" of what runs: as given, else what GitHub Actions runs, else the build's own commit.
func shortName(given string, getenv func(string) string) string {
	if given != "" {
		return given
	}
	if repo, ref := getenv("GITHUB_REPOSITORY"), getenv("GITHUB_REF_NAME"); repo != "" && ref != "" {
		return repo + "@" + ref
	}
	ref := strings.TrimPrefix(version(), "devel-")
	if ref == "devel" || ref == "unknown" {
		ref = "main"
	}
	return home + "@" + cmp.Or(ref, "main")
}
