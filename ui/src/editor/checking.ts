// The checker's findings: asked for when typing pauses, shown at their lines and listed below the text.
import { linter, lintGutter } from "@codemirror/lint";
import type { Diagnostic } from "@codemirror/lint";
import type { Extension, Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

interface Finding {
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly remedy: string;
  readonly fix: string | null;
}

export interface Checker {
  readonly address: string;
  readonly name: string;
  readonly token: string;
  /** Where the findings are listed for everybody, readers of screens among them. */
  readonly list: HTMLElement | null;
}

const PAUSE = 400;

/** Underlines what is wrong, with the remedy and, where there is one, the correction to apply. */
export function checkWith(checker: Checker): Extension {
  const source = async (view: EditorView): Promise<Diagnostic[]> => {
    const doc = view.state.doc;
    let findings: readonly Finding[];
    try {
      findings = await ask(checker, doc.toString());
    } catch (error) {
      say(checker.list, error instanceof Error ? error.message : String(error));
      return [];
    }
    list(checker.list, findings, view);
    return findings.map((one) => diagnostic(one, doc));
  };
  return [linter(source, { delay: PAUSE }), lintGutter()];
}

async function ask(checker: Checker, text: string): Promise<readonly Finding[]> {
  const answer = await fetch(checker.address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": checker.token },
    body: JSON.stringify({ text, name: checker.name }),
  });
  if (!answer.ok) throw new Error("The checker did not answer. Your text is still here; it is checked again when you type or save.");
  return ((await answer.json()) as { findings: readonly Finding[] }).findings;
}

function offset(doc: Text, line: number, column: number): number {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(found.from + Math.max(column - 1, 0), found.to);
}

function diagnostic(one: Finding, doc: Text): Diagnostic {
  const from = offset(doc, one.line, one.column);
  const to = Math.max(offset(doc, one.end_line, one.end_column), from);
  const { fix } = one;
  const actions = fix === null ? [] : [{ name: `Put ${fix}`, apply: (view: EditorView, start: number, end: number): void => { view.dispatch({ changes: { from: start, to: end, insert: fix } }); } }];
  return { from, to, severity: one.severity, message: `${one.message} ${one.remedy}`.trim(), actions };
}

function list(place: HTMLElement | null, findings: readonly Finding[], view: EditorView): void {
  if (!place) return;
  const errors = findings.filter((one) => one.severity === "error").length;
  const warnings = findings.length - errors;
  say(place, findings.length ? [counted(errors, "error"), counted(warnings, "warning")].filter(Boolean).join(", ") : "Nothing wrong found");
  place.classList.toggle("hub-editor-clean", !findings.length);
  for (const one of findings) {
    const row = document.createElement("div");
    row.className = `hub-finding hub-finding-${one.severity}`;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "hub-line";
    button.textContent = `Line ${String(one.line)}`;
    button.addEventListener("click", () => { goTo(view, one.line, one.column); });
    const text = document.createElement("span");
    text.textContent = `${one.message} ${one.remedy}`;
    row.append(button, text);
    place.append(row);
  }
}

function counted(number: number, word: string): string {
  return number ? `${String(number)} ${word}${number === 1 ? "" : "s"}` : "";
}

function say(place: HTMLElement | null, words: string): void {
  if (!place) return;
  const line = document.createElement("p");
  line.textContent = words;
  place.replaceChildren(line);
}

/** Puts the cursor at a line and column (from 1) and shows it. */
export function goTo(view: EditorView, line: number, column: number): void {
  const position = offset(view.state.doc, line, column);
  view.dispatch({ selection: { anchor: position }, effects: EditorView.scrollIntoView(position, { y: "center" }) });
  view.focus();
}
