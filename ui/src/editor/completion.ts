// Completion: keys and values from the language's schema, connections and actions, events, and inside expressions fields and functions.
import { snippetCompletion } from "@codemirror/autocomplete";
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { actionNamed, isExpression, schemasAt } from "./language.ts";
import type { Language } from "./language.ts";
import { outlineOf } from "./outline.ts";
import type { Outline } from "./outline.ts";
import { placeAt, siblingValue } from "./place.ts";
import type { Place } from "./place.ts";

const EVENT_ENVELOPE = { id: "Its id", type: "Its type", time: "When it happened", connection: "Where it came from", data: "What happened", raw: "As it came in" };
const RUN_FIELDS = ["id", "recipe", "version", "started", "error"];

/** The source of all completions. */
export function completeWith(language: Language): CompletionSource {
  return (context) => {
    const place = placeAt(context.state.doc, context.pos);
    const expression = expressionBefore(context, place, language);
    if (expression !== null) return inExpression(context, language, expression);
    const options = place.inValue ? values(context, place, language) : keys(context, place, language);
    if (!options.length || (!context.explicit && !place.typed && !place.inValue)) return null;
    return { from: place.from, options, validFor: /^[\w./*-]*$/ };
  };
}

/** The expression's text up to the cursor, or null outside one. */
export function expressionBefore(context: { state: CompletionContext["state"]; pos: number }, place: Place, language: Language): string | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const open = before.lastIndexOf("${");
  if (open >= 0 && !before.slice(open).includes("}")) return before.slice(open + 2);
  return place.inValue && isExpression(language.schema, place.path) ? place.typed.replace(/^["']/, "") : null;
}

function keys(context: CompletionContext, place: Place, language: Language): Completion[] {
  const { doc } = context.state;
  const within = place.path.lastIndexOf("with");
  if (within >= 0 && within === place.path.length - 1) return inputsOf(language, siblingValue(doc, context.pos, "with", "call"));
  const found = new Map<string, Completion>();
  for (const schema of schemasAt(language.schema, place.path)) {
    for (const [name, entry] of Object.entries(schema.properties ?? {})) {
      const [whole] = schemasAt({ ...entry, $defs: language.schema.$defs ?? {} }, []);
      const info = whole?.description ?? "";
      found.set(name, { label: name, apply: `${name}: `, type: "property", detail: whole?.title ?? "", info, boost: schema.required?.includes(name) ? 1 : 0 });
    }
  }
  return [...found.values()];
}

function inputsOf(language: Language, called: string): Completion[] {
  const action = actionNamed(language, called);
  return Object.entries(action?.input ?? {}).map(([name, field]) => ({
    label: name,
    apply: `${name}: `,
    type: "property",
    detail: field.required ? "needed" : field.title,
    info: field.description || field.title,
    boost: field.required ? 1 : 0,
  }));
}

function values(context: CompletionContext, place: Place, language: Language): Completion[] {
  const key = place.path.findLast((one) => one !== "[]") ?? "";
  const { doc } = context.state;
  if (key === "call") return actions(language);
  if (key === "event" || (key === "type" && place.path.includes("event"))) return events(language);
  if (key === "from") return Object.entries(language.connections).map(([label, detail]) => ({ label, detail, type: "variable" }));
  const within = place.path.lastIndexOf("with");
  if (within >= 0) {
    if (key === "template") return language.templates.map((label) => ({ label, type: "text" }));
    const field = actionNamed(language, siblingValue(doc, context.pos, "with", "call"))?.input[key];
    return (field?.values ?? []).map((value) => ({ label: String(value), type: "constant" }));
  }
  return schemasAt(language.schema, place.path).flatMap((schema) => {
    if (schema.enum) return schema.enum.map((value) => ({ label: String(value), type: "constant" }));
    if (schema.const !== undefined) return [{ label: String(schema.const), type: "constant" }];
    return schema.type === "boolean" ? ["true", "false"].map((label) => ({ label, type: "constant" })) : [];
  });
}

function actions(language: Language): Completion[] {
  return Object.entries(language.connections).flatMap(([connection, connector]) =>
    Object.entries(language.connectors[connector]?.actions ?? {}).map(([name, action]) => ({
      label: `${connection}/${name}`,
      type: "function",
      detail: action.title,
      info: action.description,
    })),
  );
}

function events(language: Language): Completion[] {
  return Object.entries(language.events).map(([label, event]) => ({ label, type: "enum", detail: event.title }));
}

function inExpression(context: CompletionContext, language: Language, before: string): CompletionResult | null {
  const path = /[A-Za-z_][\w.]*$/.exec(before)?.[0] ?? "";
  if (!path && !context.explicit && before.trim() && !/[\s([,]$/.test(before)) return null;
  const dot = path.lastIndexOf(".");
  const parent = dot >= 0 ? path.slice(0, dot) : "";
  const outline = outlineOf(context.state.doc, context.state.doc.lineAt(context.pos).number);
  const options = parent ? membersOf(parent, language, outline) : [...roots(), ...functions(language)];
  return options.length ? { from: context.pos - (path.length - dot - 1), options, validFor: /^\w*$/ } : null;
}

function roots(): Completion[] {
  const known = { event: "What started the run", inputs: "The recipe's inputs", steps: "What earlier steps gave", item: "The loop's item", index: "The item's number, from 0", run: "This run", now: "When the step began" };
  return Object.entries(known).map(([label, detail]) => ({ label, detail, type: "variable", boost: 1 }));
}

function functions(language: Language): Completion[] {
  return Object.entries(language.functions).map(([name, one]) =>
    snippetCompletion(`${name}(\${})`, { label: name, type: "function", detail: one.signature.slice(name.length), info: `${one.doc} For example: ${one.example}` }),
  );
}

function membersOf(parent: string, language: Language, outline: Outline): Completion[] {
  const fields = (entries: Iterable<readonly [string, string]>): Completion[] => [...entries].map(([label, detail]) => ({ label, detail, type: "property" }));
  if (parent === "event") return fields(Object.entries(EVENT_ENVELOPE));
  if (parent === "inputs") return fields(outline.inputs.map((name) => [name, ""] as const));
  if (parent === "run") return fields(RUN_FIELDS.map((name) => [name, ""] as const));
  if (parent === "steps") return fields([...outline.steps].map(([name, called]) => [name, called] as const));
  if (parent.startsWith("event.data")) return fields(below(eventFields(language, outline), parent.slice("event.data".length + 1)));
  const step = /^steps\.(\w+)(?:\.output(?:\.(.*))?)?$/.exec(parent);
  if (!step) return [];
  if (parent === `steps.${step[1] ?? ""}`) return fields([["output", "What it gave"], ["status", "How it ended"], ["error", "Why it failed"]]);
  const output = actionNamed(language, outline.steps.get(step[1] ?? "") ?? "")?.output ?? [];
  return fields(below(new Map(output.map((path) => [path, ""])), step[2] ?? ""));
}

/** The fields that all events of the trigger may have, path → description. */
export function eventFields(language: Language, outline: Outline): Map<string, string> {
  const found = new Map<string, string>();
  for (const [kind, event] of Object.entries(language.events)) {
    const fits = outline.events.some((pattern) => pattern === kind || pattern === "*" || (pattern.endsWith(".*") && kind.startsWith(pattern.slice(0, -1))));
    if (fits) for (const [path, description] of Object.entries(event.fields)) found.set(path, description);
  }
  return found;
}

function below(paths: ReadonlyMap<string, string>, parent: string): Map<string, string> {
  const start = parent ? `${parent}.` : "";
  const found = new Map<string, string>();
  for (const [path, description] of paths) {
    const rest = path.startsWith(start) ? path.slice(start.length) : "";
    if (rest && !rest.includes(".")) found.set(rest.replace("[]", ""), description);
  }
  return found;
}
