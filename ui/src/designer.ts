// The page on which a form is made: the text in an editor, its fields as cards that change the text, a live preview.
// The server makes the cards and every change of the text, so that page and script never disagree.
import "./designer.css";
import { indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { indentUnit } from "@codemirror/language";
import { keymap } from "@codemirror/view";
import { EditorView, basicSetup } from "codemirror";
import { cardsOf } from "./designer/cards.ts";
import { previewOf } from "./designer/preview.ts";
import { checkWith, goTo } from "./editor/checking.ts";
import { look } from "./editor/look.ts";

const PAUSE = 400;

const form = document.querySelector<HTMLFormElement>("form[data-designer]");
const field = form?.querySelector<HTMLTextAreaElement>("textarea[name=text]");
if (form && field) design(form, field);

function design(form: HTMLFormElement, field: HTMLTextAreaElement): void {
  const { check = "", nonce = "", name = "", csrf = "" } = field.dataset;
  const saved = "changed" in field.dataset ? null : field.value;
  let sending = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const save = (): boolean => {
    form.requestSubmit(form.querySelector<HTMLButtonElement>('button[value="save"]'));
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
      checkWith({ address: check, name, token: csrf, list: form.querySelector<HTMLElement>("[data-editor-state]") }),
      EditorView.contentAttributes.of({
        "aria-label": "The form as YAML. Tab indents; press Escape, then Tab, to leave the editor.",
        spellcheck: "false",
      }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        field.value = update.state.doc.toString();
        clearTimeout(waiting);
        waiting = setTimeout(() => { cards.refresh(); preview(); }, PAUSE);
      }),
    ],
  });
  field.before(view.dom);
  field.hidden = true;
  const preview = previewOf(form);
  const cards = cardsOf(form, { text: () => field.value, put: (text) => { put(view, text); } });
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-without-scripts]")) button.hidden = true;
  form.querySelector("select[name=spoken]")?.addEventListener("change", preview);
  preview();
  form.addEventListener("submit", () => { sending = true; });
  addEventListener("beforeunload", (event) => {
    if (field.value !== saved && !sending) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const line = event.target instanceof Element ? event.target.closest<HTMLElement>(".hub-line[data-line]") : null;
    if (line) goTo(view, Number(line.dataset["line"]), Number(line.dataset["column"]));
  });
}

/** Puts another text in place of the editor's, as one change of just what differs, so that it can be undone. */
function put(view: EditorView, text: string): void {
  const old = view.state.doc.toString();
  if (old === text) return;
  let from = 0;
  while (from < Math.min(old.length, text.length) && old[from] === text[from]) from += 1;
  let end = 0;
  while (end < Math.min(old.length, text.length) - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  view.dispatch({ changes: { from, to: old.length - end, insert: text.slice(from, text.length - end) } });
}
