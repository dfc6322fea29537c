package main

import (
	"net/url"
	"strconv"
	"strings"
)

// An appManifest describes a GitHub App in GitHub's words.
type appManifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
	Hook        *appHook          `json:"hook_attributes,omitempty"`
}

// An appHook is where GitHub posts the App's events.
type appHook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// app is the App that this installation needs. A daemon without an address of its own hears of nothing from GitHub itself.
func (c *initCmd) app() appManifest {
	app := appManifest{Name: "daemon-hotfix-" + c.Owner, URL: "https://github.com/" + c.Plugin(), Permissions: appPermissions, Events: appEvents}
	if c.Homepage != "" {
		app.Hook = &appHook{URL: strings.TrimRight(c.Homepage, "/") + "/github", Active: true}
	}
	return app
}

// form is the address of GitHub's form for a new App of an organisation, filled in.
func (a appManifest) form(owner string) string {
	q := url.Values{"name": {a.Name}, "url": {a.URL}, "public": {strconv.FormatBool(a.Public)}, "webhook_active": {strconv.FormatBool(a.Hook != nil)}, "events[]": a.Events}
	if a.Hook != nil {
		q.Set("webhook_url", a.Hook.URL)
	}
	for name, level := range a.Permissions {
		q.Set(name, level)
	}
	return "https://github.com/organizations/" + owner + "/settings/apps/new?" + q.Encode()
}
