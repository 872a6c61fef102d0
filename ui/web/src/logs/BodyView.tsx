/** The whole body of a record: as text with its colours, as it came, or as a tree when it is JSON. */
import { useMemo, useState } from "react";
import { Button } from "../kit/Button";
import { formatBytes, formatCount, visibleLines } from "../kit/format";
import { Segmented } from "../kit/Segmented";
import { Copy } from "../kit/Values";
import { AnsiText } from "./AnsiText";
import { hasAnsi } from "./ansi";
import { JsonTree } from "./JsonTree";
import { readJson } from "./jsontree";
import styles from "./LogDetail.module.css";

type View = "text" | "tree" | "raw";

/** Characters shown at first and added by "more". */
const PAGE = 20_000;
/** Above this a body is not read as JSON unasked. */
const JSON_MAX = 4_000_000;

type Props = { body: string; bytes: number; json: string | null };

export function BodyView({ body, bytes, json }: Props) {
  const text = json ?? body;
  const tree = useMemo(() => (text.length <= JSON_MAX ? readJson(text) : null), [text]);
  const ansi = hasAnsi(body);
  const [chosen, setChosen] = useState<View | null>(null);
  const [shown, setShown] = useState(PAGE);
  const view = chosen ?? (tree ? "tree" : "text");
  if (body === "") return <p className={styles.note}>This record has no body.</p>;
  const choices: { value: View; text: string }[] = [{ value: "text", text: "Text" }];
  if (tree) choices.unshift({ value: "tree", text: "Tree" });
  if (ansi) choices.push({ value: "raw", text: "Raw" });
  const part = body.length > shown ? body.slice(0, shown) : body;
  return (
    <section className={styles.bodyView} aria-label="Body">
      <div className={styles.bodyBar}>
        {choices.length > 1 && (
          <Segmented<View> label="Body as" value={view} choices={choices} onChange={setChosen} />
        )}
        <Copy value={body} label="Copy the body" />
      </div>
      {view === "tree" && tree ? (
        <JsonTree root={tree} />
      ) : (
        <pre className={styles.body}>
          {view === "text" && ansi ? <AnsiText text={part} /> : visibleLines(part)}
        </pre>
      )}
      {view !== "tree" && body.length > shown && (
        <p className={styles.note}>
          {formatCount(shown)} of {formatCount(body.length)} characters ({formatBytes(bytes)}).{" "}
          <Button look="quiet" onClick={() => setShown(shown + 10 * PAGE)}>
            Show more
          </Button>
        </p>
      )}
    </section>
  );
}
