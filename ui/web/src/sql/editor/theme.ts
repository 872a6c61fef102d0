import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { font: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 12px 0 8px" },
  ".cm-cursor": { borderLeftColor: "var(--text)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--text-2)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": {
    padding: "0 4px 0 12px",
    minWidth: "32px",
    opacity: "0.75",
  },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": {
    backgroundColor: "color-mix(in oklab, var(--accent) 5%, transparent)",
  },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    {
      backgroundColor: "color-mix(in oklab, var(--accent) 26%, transparent)",
    },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--selected)",
    outline: "1px solid var(--control-border)",
  },
  ".cm-placeholder": { color: "var(--text-2)" },
  ".cm-tooltip": {
    border: "1px solid var(--border)",
    borderRadius: "var(--radius)",
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    boxShadow: "var(--shadow)",
    overflow: "hidden",
  },
  ".cm-tooltip-autocomplete > ul": {
    font: "var(--font-mono)",
    maxHeight: "240px",
    minWidth: "260px",
  },
  ".cm-tooltip-autocomplete > ul > li": {
    display: "flex",
    alignItems: "center",
    gap: "6px",
    height: "24px",
    padding: "0 8px",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--selected)",
    color: "var(--text)",
  },
  ".cm-completionIcon": { display: "none" },
  ".cm-completionMatchedText": {
    textDecoration: "none",
    fontWeight: "600",
    color: "var(--accent)",
  },
  ".cm-completionDetail": {
    marginLeft: "auto",
    paddingLeft: "16px",
    fontStyle: "normal",
    font: "var(--font-axis)",
    color: "var(--text-2)",
  },
  ".cm-completionInfo": {
    maxWidth: "360px",
    padding: "8px 12px",
    font: "var(--font-dense)",
    whiteSpace: "pre-wrap",
  },
  ".cm-diagnostic": {
    padding: "6px 12px",
    font: "var(--font-dense)",
    borderLeft: "2px solid var(--error)",
  },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--error)",
    textUnderlineOffset: "3px",
    backgroundColor: "var(--error-soft)",
  },
  ".cm-panels": {
    backgroundColor: "var(--surface)",
    color: "var(--text)",
    borderColor: "var(--border)",
  },
  ".cm-searchMatch": { backgroundColor: "var(--match)" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "500" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn-text)" },
  { tag: tags.comment, color: "var(--text-2)", fontStyle: "italic" },
  { tag: tags.standard(tags.name), color: "var(--sql-function)" },
  { tag: tags.typeName, color: "var(--sql-function)" },
]);

/** The look of the editor, from the page's tokens. */
export const theme = [look, syntaxHighlighting(colours)];
