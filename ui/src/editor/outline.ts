// What a recipe's text names: its events, its inputs, its steps with what they call. Read line by line, for completion only.
import type { Text } from "@codemirror/state";

export interface Outline {
  readonly events: readonly string[];
  readonly inputs: readonly string[];
  /** Step id → `connection/action`, or empty for other steps. Only those above the asked line. */
  readonly steps: ReadonlyMap<string, string>;
}

const ID = /^[\s-]*id:\s*([A-Za-z_]\w*)\s*$/;
const CALL = /^[\s-]*call:\s*(\S.*?)\s*$/;
const EVENT = /^\s+event:\s*(.+?)\s*$/;

/** Reads the lines before `until`, and the trigger wherever it stands. */
export function outlineOf(doc: Text, until: number): Outline {
  const events: string[] = [];
  const inputs: string[] = [];
  const steps = new Map<string, string>();
  let part = "";
  let called = "";
  let current = "";
  for (let number = 1; number <= doc.lines; number += 1) {
    const line = doc.line(number).text;
    const top = /^([a-z_]+):/.exec(line)?.[1];
    if (top) part = top;
    if (part === "on") {
      const kinds = EVENT.exec(line)?.[1] ?? /[{,]\s*event:\s*([\w.*-]+)/.exec(line)?.[1];
      if (kinds) events.push(...kinds.replace(/[[\]"']/g, "").split(",").map((kind) => kind.trim()));
    } else if (part === "inputs") {
      const name = /^ {1,4}([a-z]\w*):/.exec(line)?.[1];
      if (name) inputs.push(name);
    } else if (part === "steps" && number < until) {
      if (/^\s*-\s/.test(line)) [current, called] = ["", ""];
      const id = ID.exec(line)?.[1];
      if (id) current = id;
      called = CALL.exec(line)?.[1] ?? called;
      if (current) steps.set(current, called);
    }
  }
  return { events, inputs, steps };
}
