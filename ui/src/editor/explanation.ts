// What a word means, shown while the pointer rests on it.
import { hoverTooltip } from "@codemirror/view";
import type { Extension } from "@codemirror/state";
import { eventFields, expressionBefore } from "./completion.ts";
import { actionNamed, schemasAt } from "./language.ts";
import type { Language } from "./language.ts";
import { outlineOf } from "./outline.ts";
import { placeAt, siblingValue } from "./place.ts";

interface Meaning {
  readonly title: string;
  readonly text: string;
}

/** Explains keys, actions, events, fields and functions. */
export function explainWith(language: Language): Extension {
  return hoverTooltip((view, position) => {
    const line = view.state.doc.lineAt(position);
    const found = wordAt(line.text, position - line.from);
    if (!found) return null;
    const end = line.from + found.end;
    const place = placeAt(view.state.doc, end);
    const inside = expressionBefore({ state: view.state, pos: end }, place, language) !== null;
    const meaning = inside ? ofExpression(language, found.word, outlineOf(view.state.doc, line.number)) : ofText(language, view.state.doc, end, found.word, line.text[found.end] === ":");
    if (!meaning) return null;
    return { pos: line.from + found.start, end, above: true, create: () => ({ dom: shown(meaning) }) };
  });
}

function wordAt(text: string, column: number): { word: string; start: number; end: number } | null {
  for (const match of text.matchAll(/[A-Za-z_][\w./*-]*/g)) {
    if (match.index <= column && column <= match.index + match[0].length) return { word: match[0], start: match.index, end: match.index + match[0].length };
  }
  return null;
}

function ofExpression(language: Language, word: string, outline: ReturnType<typeof outlineOf>): Meaning | null {
  const known = language.functions[word];
  if (known) return { title: known.signature, text: `${known.doc} For example: ${known.example}` };
  const description = word.startsWith("event.data.") ? eventFields(language, outline).get(word.slice("event.data.".length)) : undefined;
  return description ? { title: word, text: description } : null;
}

function ofText(language: Language, doc: Parameters<typeof placeAt>[0], end: number, word: string, isKey: boolean): Meaning | null {
  const action = actionNamed(language, word);
  if (action) return { title: action.title, text: action.description };
  const event = language.events[word];
  if (event) return { title: word, text: `${event.title}.` };
  if (!isKey) return null;
  const place = placeAt(doc, end);
  const path = place.inValue ? place.path.slice(0, -1) : place.path;
  if (path.at(-1) === "with") {
    const field = actionNamed(language, siblingValue(doc, end, "with", "call"))?.input[word];
    return field ? { title: field.title || word, text: field.description } : null;
  }
  const schema = schemasAt(language.schema, [...path, word])[0];
  return schema?.description ? { title: schema.title ?? word, text: schema.description } : null;
}

function shown(meaning: Meaning): HTMLElement {
  const box = document.createElement("div");
  box.className = "hub-explained";
  const title = document.createElement("strong");
  title.textContent = meaning.title;
  const text = document.createElement("div");
  text.textContent = meaning.text;
  box.append(title, text);
  return box;
}
