// Marks ${ expressions } in the text, which YAML knows nothing of.
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import type { DecorationSet, ViewUpdate } from "@codemirror/view";

const marks = new MatchDecorator({ regexp: /\$\{[^}\n]*\}?/g, decoration: Decoration.mark({ class: "hub-expression" }) });

/** Puts the class `hub-expression` on each of them. */
export const markExpressions = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = marks.createDeco(view);
    }

    update(update: ViewUpdate): void {
      this.decorations = marks.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);
