/** The SQL editor: CodeMirror 6 with DataFusion's dialect. Loaded when the page is opened. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { sql as sqlLanguage } from "@codemirror/lang-sql";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches } from "@codemirror/search";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { Catalogue } from "./catalogue";
import { dataFusion } from "./editor/dialect";
import { completion } from "./editor/source";
import { theme } from "./editor/theme";
import styles from "./Page.module.css";

export interface EditorHandle {
  focus(): void;
  /** Puts `text` where the cursor is, with spaces as needed. */
  insert(text: string): void;
  /** Replaces everything. */
  replace(text: string): void;
  /** The selected text and its start, or the cursor's place. */
  selection(): { text: string; from: number };
}

/** A place to underline, in characters of the whole text. */
export interface Mark {
  from: number;
  to: number;
  message: string;
}

type Props = {
  text: string;
  catalogue: Catalogue;
  mark: Mark | null;
  onChange(text: string): void;
  onRun(): void;
  onStop(): void;
  ref?: Ref<EditorHandle>;
};

const NONCE = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

export default function Editor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const run = Prec.highest(
      keymap.of([
        { key: "Mod-Enter", run: () => acted(now.current.onRun) },
        { key: "Mod-.", run: () => acted(now.current.onStop) },
      ]),
    );
    const editor = new EditorView({
      parent: element,
      state: EditorState.create({
        doc: now.current.text,
        selection: { anchor: now.current.text.length },
        extensions: [
          run,
          EditorView.cspNonce.of(NONCE),
          lineNumbers(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightSelectionMatches({ minSelectionLength: 2 }),
          autocompletion({
            override: [completion(() => now.current.catalogue)],
            icons: false,
            activateOnTypingDelay: 60,
          }),
          language.current.of(sqlLanguage({ dialect: dataFusion([]) })),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            ...completionKeymap,
          ]),
          placeholder("SELECT … FROM spans"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "SQL", spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) now.current.onChange(update.state.doc.toString());
          }),
          theme,
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  const { functions } = props.catalogue;
  useEffect(() => {
    const dialect = dataFusion(functions.map(({ name }) => name));
    view.current?.dispatch({ effects: language.current.reconfigure(sqlLanguage({ dialect })) });
  }, [functions]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null) return;
    const found = props.mark === null ? [] : [diagnostic(props.mark, editor.state.doc.length)];
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [props.mark]);

  // The address may change under the editor: Back, a link, a starter.
  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === props.text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.text } });
  }, [props.text]);

  useImperativeHandle(props.ref, () => ({
    focus: () => view.current?.focus(),
    insert(text) {
      if (view.current !== null) insertAt(view.current, text);
    },
    replace(text) {
      const editor = view.current;
      if (editor === null) return;
      const changes = { from: 0, to: editor.state.doc.length, insert: text };
      editor.dispatch({ changes, selection: { anchor: text.length } });
      editor.focus();
    },
    selection() {
      const editor = view.current;
      if (editor === null) return { text: "", from: now.current.text.length };
      const { from, to } = editor.state.selection.main;
      return { text: editor.state.sliceDoc(from, to), from };
    },
  }));

  return <div ref={host} className={styles.editor} />;
}

function acted(action: () => void): boolean {
  action();
  return true;
}

function diagnostic(mark: Mark, length: number): Diagnostic {
  const from = Math.min(mark.from, length);
  return {
    from,
    to: Math.min(Math.max(mark.to, from), length),
    severity: "error",
    message: mark.message,
  };
}

function insertAt(editor: EditorView, text: string) {
  const { from, to } = editor.state.selection.main;
  const before = editor.state.sliceDoc(Math.max(0, from - 1), from);
  const space = /[\w'"\])]/.test(before) ? " " : "";
  const insert = space + text;
  editor.dispatch({
    changes: { from, to, insert },
    selection: { anchor: from + insert.length },
    scrollIntoView: true,
  });
  editor.focus();
}
