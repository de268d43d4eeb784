// Where in a recipe the cursor stands. Read from the indentation, so that it works while the YAML is half written.
import type { Text } from "@codemirror/state";

export interface Place {
  /** The keys from the top, `[]` for an item of a list. With `inValue` the last one is the key whose value is typed. */
  readonly path: readonly string[];
  readonly inValue: boolean;
  /** The first character of the key or value that is being typed. */
  readonly from: number;
  readonly typed: string;
}

interface Entry {
  readonly column: number;
  readonly key: string; // "[]" for an item
  readonly end: number; // the column behind the colon, or behind the dash
}

const KEY = /^("[^"]*"|'[^']*'|[A-Za-z_][\w.-]*)\s*:(?=\s|$)/;

/** The items and the key with which a line begins. */
function entriesOf(line: string): Entry[] {
  const found: Entry[] = [];
  let column = line.length - line.trimStart().length;
  let rest = line.slice(column);
  while (/^-(\s|$)/.test(rest)) {
    found.push({ column, key: "[]", end: column + 1 });
    const after = rest.slice(1);
    column += 1 + (after.length - after.trimStart().length);
    rest = after.trimStart();
  }
  const match = KEY.exec(rest);
  if (match?.[1]) found.push({ column, key: unquoted(match[1]), end: column + match[0].length });
  return found;
}

function unquoted(key: string): string {
  return key.replace(/^(["'])(.*)\1$/, "$2");
}

/** The key path of the block around a column, read upwards from the line before `above`. */
function enclosing(doc: Text, above: number, column: number): string[] {
  const path: string[] = [];
  let limit = column;
  let item = false;
  for (let number = above; number >= 1 && limit > 0; number -= 1) {
    const line = doc.line(number).text;
    if (!line.trim() || line.trimStart().startsWith("#")) continue;
    for (const entry of entriesOf(line).reverse()) {
      if (entry.column < limit || (item && entry.key !== "[]" && entry.column === limit)) {
        path.unshift(entry.key);
        limit = entry.column;
        item = entry.key === "[]";
      }
    }
  }
  return path;
}

/** Reads where a position stands. */
export function placeAt(doc: Text, position: number): Place {
  const line = doc.lineAt(position);
  const before = line.text.slice(0, position - line.from);
  const entries = entriesOf(before.includes("#") && /(^|\s)#/.test(before) ? before.split(/(?:^|\s)#/, 1)[0] ?? "" : before);
  const indent = before.length - before.trimStart().length;
  const last = entries.at(-1);
  const own = entries.map((entry) => entry.key);
  const outer = enclosing(doc, line.number - 1, entries[0]?.column ?? indent);
  // An item directly under its key may stand at the key's own column.
  const fixed = own[0] === "[]" ? withKeyOfItem(doc, line.number - 1, entries[0]?.column ?? 0, outer) : outer;
  const start = last ? last.end : indent;
  const value = before.slice(start);
  const inValue = last !== undefined && last.key !== "[]";
  const base = [...fixed, ...own];
  return inFlow(base, value, line.from + start, inValue);
}

function withKeyOfItem(doc: Text, above: number, column: number, outer: string[]): string[] {
  for (let number = above; number >= 1; number -= 1) {
    const entries = entriesOf(doc.line(number).text);
    const first = entries[0];
    if (!first) continue;
    if (first.column < column) return outer;
    if (first.column === column && first.key !== "[]") return [...enclosing(doc, number - 1, column), first.key];
  }
  return outer;
}

/** Goes on inside `{a: 1, b: …}` and `[…]` on the same line. */
function inFlow(base: readonly string[], value: string, from: number, inValue: boolean): Place {
  const path = [...base];
  let key = "";
  let depth = 0;
  let start = value.length - value.trimStart().length;
  let typing = inValue;
  for (let index = start; index < value.length; index += 1) {
    const one = value[index];
    if (one === "$" && value[index + 1] === "{") {
      const close = value.indexOf("}", index);
      if (close < 0) break;
      index = close;
    } else if (one === '"' || one === "'") {
      const close = value.indexOf(one, index + 1);
      if (close < 0) break;
      index = close;
    } else if ((one === "{" || one === "[") && (depth > 0 || !value.slice(0, index).trim())) {
      if (depth > 0 && key) path.push(key);
      if (one === "[") path.push("[]");
      depth += 1;
      key = "";
      typing = one === "[";
      start = index + 1;
    } else if (depth > 0 && (one === "," || one === "}" || one === "]")) {
      if (one !== ",") {
        depth -= 1;
        path.pop();
      }
      key = "";
      typing = path.at(-1) === "[]";
      start = index + 1;
    } else if (depth > 0 && one === ":" && /\s|$/.test(value[index + 1] ?? " ")) {
      key = unquoted(value.slice(start, index).trim());
      typing = true;
      start = index + 1;
    }
  }
  const typed = value.slice(start);
  const skipped = typed.length - typed.trimStart().length;
  return { path: key ? [...path, key] : path, inValue: typing, from: from + start + skipped, typed: typed.trimStart() };
}

/** The value of `sibling` in the block in which a path's last key stands: the `call` beside a `with`, say. */
export function siblingValue(doc: Text, position: number, container: string, sibling: string): string {
  const line = doc.lineAt(position);
  const column = columnOf(doc, line.number, container);
  if (column < 0) return "";
  for (const step of [-1, 1]) {
    for (let number = line.number; number >= 1 && number <= doc.lines; number += step) {
      const text = doc.line(number).text;
      const entries = entriesOf(text);
      const found = entries.find((entry) => entry.key === sibling && entry.column === column);
      if (found) return text.slice(found.end).trim().replace(/^["']|["']$/g, "");
      const first = entries[0];
      const leaves = first !== undefined && (first.column < column || (first.column === column && first.key === "[]"));
      if (leaves && number !== line.number) break;
      if (leaves && step === 1 && number !== line.number) break;
    }
  }
  return "";
}

function columnOf(doc: Text, from: number, container: string): number {
  let limit = Number.POSITIVE_INFINITY;
  for (let number = from; number >= 1; number -= 1) {
    const entries = entriesOf(doc.line(number).text);
    const found = entries.find((entry) => entry.key === container && entry.column < limit);
    if (found) return found.column;
    const first = entries[0];
    if (first && first.column < limit) limit = first.column + (number === from ? 1 : 0);
  }
  return -1;
}
