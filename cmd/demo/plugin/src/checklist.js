const ITEM = /^\s*[-*] \[( |x|X)\] (.+)$/;

/**
 * Reads the checklist of an issue's description.
 * @param {string} body the description as GitHub sends it
 * @returns {{ text: string, done: boolean }[]}
 */
export function readChecklist(body) {
  return body
    .split(/\r?\n/)
    .map((line) => ITEM.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ text: match[2].trim(), done: match[1] !== " " }));
}
