/** Text with terminal colours, as spans of a fixed set of classes. */
import { visibleLines } from "../kit/format";
import styles from "./AnsiText.module.css";
import { parseAnsi } from "./ansi";

export function AnsiText({ text }: { text: string }) {
  return parseAnsi(text).map((run, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: runs of one text never change places
    <span key={i} className={run.classes.map((name) => styles[name]).join(" ") || undefined}>
      {visibleLines(run.text)}
    </span>
  ));
}
