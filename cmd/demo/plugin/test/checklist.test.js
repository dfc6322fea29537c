import assert from "node:assert/strict";
import { test } from "node:test";
import { readChecklist } from "../src/checklist.js";

test("reads open and done items", () => {
  assert.deepEqual(readChecklist("Intro\n- [ ] parse\n* [x] publish\n- not an item"), [
    { text: "parse", done: false },
    { text: "publish", done: true },
  ]);
});

test("reads a description with Windows line ends", () => {
  assert.equal(readChecklist("- [ ] a\r\n- [ ] b\r\n").length, 2);
});
