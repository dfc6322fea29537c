import { estimate } from "./estimate.js";

const EVENTS = new Set(["issues.opened", "issues.edited"]);

/**
 * Handles one event of the kernel.
 * @param {string} eventName
 * @param {object} payload GitHub's webhook payload
 * @param {object} settings
 */
export function handle(eventName, payload, settings) {
  if (!EVENTS.has(eventName)) {
    return { skipped: `not interested in ${eventName}` };
  }
  const result = estimate(payload.issue, settings);
  const current = payload.issue.labels.map((label) => label.name).filter((name) => name.startsWith("Time:"));
  return {
    issue: payload.issue.number,
    ...result,
    add: result.label && !current.includes(result.label) ? [result.label] : [],
    remove: current.filter((name) => name !== result.label),
  };
}
