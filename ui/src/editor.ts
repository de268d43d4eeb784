// The recipe editor: turns each `textarea[data-recipe-editor]` into a YAML editor that keeps the form's field up to date.
import { yaml } from "@codemirror/lang-yaml";
import { EditorView, basicSetup } from "codemirror";

for (const field of document.querySelectorAll<HTMLTextAreaElement>("textarea[data-recipe-editor]")) {
  const view = new EditorView({
    doc: field.value,
    extensions: [
      basicSetup,
      yaml(),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) field.value = update.state.doc.toString();
      }),
    ],
  });
  field.before(view.dom);
  field.hidden = true;
}
