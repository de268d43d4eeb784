// The recipe editor: turns each `textarea[data-recipe-editor]` into a YAML editor that keeps the form's field up to date.
import { autocompletion } from "@codemirror/autocomplete";
import { indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { indentUnit } from "@codemirror/language";
import { Compartment } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { EditorView, basicSetup } from "codemirror";
import { checkWith, goTo } from "./editor/checking.ts";
import { completeWith } from "./editor/completion.ts";
import { explainWith } from "./editor/explanation.ts";
import { markExpressions } from "./editor/expressions.ts";
import { fetchLanguage } from "./editor/language.ts";
import { look } from "./editor/look.ts";

for (const field of document.querySelectorAll<HTMLTextAreaElement>("textarea[data-recipe-editor]")) mount(field);

function mount(field: HTMLTextAreaElement): void {
  const { check = "", language = "", nonce = "", name = "", csrf = "" } = field.dataset;
  const { form } = field;
  const list = form?.querySelector<HTMLElement>("[data-editor-state]") ?? null;
  const saved = field.value;
  const knowing = new Compartment();
  const save = (): boolean => {
    form?.requestSubmit(form.querySelector<HTMLButtonElement>('button[value="save"]'));
    return true;
  };
  const view = new EditorView({
    doc: field.value,
    extensions: [
      nonce ? EditorView.cspNonce.of(nonce) : [],
      keymap.of([{ key: "Mod-s", run: save, preventDefault: true }, indentWithTab]),
      basicSetup,
      yaml(),
      indentUnit.of("  "),
      EditorView.lineWrapping,
      look,
      markExpressions,
      knowing.of([]),
      checkWith({ address: check, name, token: csrf, list }),
      EditorView.contentAttributes.of({
        "aria-label": "The recipe as YAML. Tab indents; press Escape, then Tab, to leave the editor.",
        spellcheck: "false",
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) field.value = update.state.doc.toString();
      }),
    ],
  });
  field.before(view.dom);
  field.hidden = true;
  for (const button of form?.querySelectorAll<HTMLButtonElement>("[data-without-scripts]") ?? []) button.hidden = true;
  void learn(language).then((extension) => { view.dispatch({ effects: knowing.reconfigure(extension) }); });
  warnBeforeLeaving(form, () => field.value !== saved);
  document.addEventListener("click", (event) => {
    const line = event.target instanceof Element ? event.target.closest<HTMLElement>(".hub-line[data-line]") : null;
    if (line) goTo(view, Number(line.dataset["line"]), Number(line.dataset["column"]));
  });
}

/** Completion and explanations, once the names are there; without them the editor still edits and checks. */
async function learn(address: string): Promise<Extension> {
  try {
    const known = await fetchLanguage(address);
    return [autocompletion({ override: [completeWith(known)], icons: false }), explainWith(known)];
  } catch {
    return [];
  }
}

function warnBeforeLeaving(form: HTMLFormElement | null, changed: () => boolean): void {
  let sending = false;
  form?.addEventListener("submit", () => { sending = true; });
  form?.addEventListener("htmx:afterRequest", () => { sending = false; });
  addEventListener("beforeunload", (event) => {
    if (changed() && !sending) event.preventDefault();
  });
}
