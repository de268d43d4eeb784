// How the editor looks: the page's own colours, so that it follows light and dark by itself.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "inherit" },
  ".cm-content": { fontFamily: "var(--tblr-font-monospace)", caretColor: "var(--tblr-body-color)", padding: "0.75rem 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--tblr-body-color)" },
  ".cm-gutters": { backgroundColor: "var(--hub-code-bg)", color: "var(--tblr-secondary)", borderRight: "1px solid var(--tblr-border-color)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--tblr-primary) 6%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--tblr-primary) 12%, transparent)", color: "inherit" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--tblr-primary) 25%, transparent)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--tblr-bg-surface)", color: "var(--tblr-body-color)", border: "1px solid var(--tblr-border-color)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--tblr-primary)", color: "#fff" },
  ".cm-completionInfo, .hub-explained": { maxWidth: "26rem", padding: "0.5rem 0.75rem", fontFamily: "var(--tblr-font-sans-serif)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.8" },
  ".cm-diagnostic": { fontFamily: "var(--tblr-font-sans-serif)", maxWidth: "34rem" },
  ".cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--tblr-primary) 20%, transparent)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--hub-code-name)" },
  { tag: [tags.string, tags.content], color: "inherit" },
  { tag: [tags.keyword, tags.bool, tags.number, tags.atom], color: "var(--hub-code-value)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--hub-code-comment)", fontStyle: "italic" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace, tags.meta], color: "var(--tblr-secondary)" },
]);

/** The look as an extension. */
export const look: Extension = [theme, syntaxHighlighting(colours)];
