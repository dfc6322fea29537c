"use strict";

// The page works without this file. It adds the theme button, filters that apply at once, and live news.
const $ = (selector) => document.querySelector(selector);

// theme switches between the system's theme, light and dark.
function theme() {
  const button = $("#theme");
  const names = ["system", "light", "dark"];
  const label = () => { button.textContent = "Theme: " + (document.documentElement.dataset.theme || "system"); };
  button.hidden = false;
  label();
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "system";
    const next = names[(names.indexOf(now) + 1) % names.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* for this page only, then */ }
    label();
  });
}

// filters apply when a choice is made; the button remains for the text.
function filters() {
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.filters");
    if (form && event.target.matches("select")) form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.filters")) return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true; // short addresses
  });
  window.addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form.filters [disabled]")) field.disabled = false;
  });
  document.addEventListener("keydown", (event) => {
    const search = $("[data-key='/']");
    if (event.key !== "/" || !search || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    search.focus();
  });
}

const say = (text) => { $("#news").textContent = text; };

// busy reports whether a new page would take something away from somebody who is typing or reading.
function busy() {
  const at = document.activeElement;
  return !!at && at.matches("main input, main select, main textarea") || String(getSelection()) !== "";
}

// reload fetches the page and puts its content in place, keeping what was folded out.
async function reload() {
  if (busy()) { setTimeout(reload, 3000); return; }
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#main");
  if (!fresh) return;
  for (const open of document.querySelectorAll("#main details[id][open]")) fresh.querySelector("#" + CSS.escape(open.id))?.setAttribute("open", "");
  const said = $("#main > .said"); // what a button came to is sent once; this page goes on saying it
  if (said && !fresh.querySelector(".said")) fresh.prepend(said);
  const focused = document.activeElement?.id;
  const [x, y] = [scrollX, scrollY];
  $("#main").replaceChildren(...fresh.childNodes);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  scrollTo(x, y);
  say("Updated " + new Date().toISOString().slice(11, 19));
}

// step puts one step of a run in its place. Its text was escaped by the server, which made it from the same template
// as the page.
function step(html) {
  const holder = new DOMParser().parseFromString(html, "text/html").querySelector("article.step");
  if (!holder) return;
  const old = document.getElementById(holder.id);
  if (old && old.outerHTML === holder.outerHTML) return;
  if (old) old.replaceWith(holder); else { $("#steps").append(holder); say(holder.querySelector("h3").textContent); }
}

// live follows the news of a page.
function live() {
  const at = $("[data-live]")?.dataset.live;
  if (!at) return;
  let source, wait;
  const open = () => {
    source = new EventSource(at);
    source.addEventListener("changed", () => { clearTimeout(wait); wait = setTimeout(reload, 300); });
    source.addEventListener("step", (event) => step(event.data));
    source.addEventListener("over", () => { source.close(); setTimeout(over, 700); });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source.close(); else if (source.readyState === EventSource.CLOSED) { reload(); open(); }
  });
  open();
}

// over waits until what came of a run is known, which is a moment after its last step.
async function over(tries = 20) {
  await reload();
  if ($("[data-live*='/runs/']") && tries > 0) setTimeout(() => over(tries - 1), 1000);
}

theme();
filters();
live();
