import { readChecklist } from "./checklist.js";

const STEPS = [
  { hours: 2, label: "Time: <2 Hours" },
  { hours: 4, label: "Time: <4 Hours" },
  { hours: 8, label: "Time: <1 Day" },
  { hours: 40, label: "Time: <1 Week" },
  { hours: Infinity, label: "Time: <1 Month" },
];

/**
 * Estimates an issue from its checklist.
 * @param {{ title: string, body: string }} issue
 * @param {{ hoursPerTask?: number }} settings
 * @returns {{ open: number, hours: number, label: string | null }} label is null when there is nothing to do
 */
export function estimate(issue, settings = {}) {
  const perTask = settings.hoursPerTask ?? 2;
  const open = readChecklist(issue.body).filter((item) => !item.done).length;
  const hours = open * perTask;
  const label = open === 0 ? null : STEPS.find((step) => hours <= step.hours).label;
  return { open, hours, label };
}
