import assert from "node:assert/strict";
import { test } from "node:test";
import { handle } from "../src/plugin.js";

const issue = { number: 7, title: "Export", body: "- [ ] one\n- [ ] two\n- [x] three", labels: [{ name: "Time: <1 Day" }] };

test("proposes a label for the open items", () => {
  assert.deepEqual(handle("issues.opened", { issue }, {}), {
    issue: 7,
    open: 2,
    hours: 4,
    label: "Time: <4 Hours",
    add: ["Time: <4 Hours"],
    remove: ["Time: <1 Day"],
  });
});

test("takes the hours per task from the settings", () => {
  assert.equal(handle("issues.edited", { issue }, { hoursPerTask: 10 }).label, "Time: <1 Week");
});

test("leaves other events alone", () => {
  assert.deepEqual(handle("push", {}, {}), { skipped: "not interested in push" });
});
