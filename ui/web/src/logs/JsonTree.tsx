/** A JSON value as a tree that opens level by level; only what is open is in the document. */
import { useState } from "react";
import { formatCount, visible } from "../kit/format";
import styles from "./JsonTree.module.css";
import { type JsonNode, summaryOf } from "./jsontree";

/** Children shown at first and with each "more". */
const PAGE = 100;
/** Levels open at first. */
const OPEN_DEPTH = 2;
/** Characters of a string shown at first. */
const STRING_MAX = 500;

export function JsonTree({ root }: { root: JsonNode }) {
  return (
    <ul className={styles.tree}>
      <Branch name={null} node={root} depth={0} />
    </ul>
  );
}

function Branch({ name, node, depth }: { name: string | null; node: JsonNode; depth: number }) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(PAGE);
  if (node.kind !== "array" && node.kind !== "object") {
    return (
      <li className={styles.leaf}>
        <Name name={name} />
        <Scalar node={node} />
      </li>
    );
  }
  const children: [string, JsonNode][] =
    node.kind === "object" ? node.fields : node.items.map((item, i) => [String(i), item]);
  return (
    <li>
      <button
        type="button"
        className={styles.toggle}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span className={styles.arrow} aria-hidden="true" />
        <Name name={name} />
        <span className={styles.summary}>{summaryOf(node)}</span>
      </button>
      {open && children.length > 0 && (
        <ul className={styles.branch}>
          {children.slice(0, shown).map(([key, child], i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: keys may repeat, places do not
            <Branch key={i} name={key} node={child} depth={depth + 1} />
          ))}
          {children.length > shown && (
            <li>
              <button type="button" className={styles.more} onClick={() => setShown(shown + PAGE)}>
                {children.length - shown} more
              </button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

function Name({ name }: { name: string | null }) {
  if (name === null) return null;
  return (
    <>
      <bdi className={styles.name}>{visible(name)}</bdi>
      <span className={styles.colon}>: </span>
    </>
  );
}

function Scalar({ node }: { node: Exclude<JsonNode, { kind: "array" | "object" }> }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && node.text.length > STRING_MAX;
  const text = cut ? `${node.text.slice(0, STRING_MAX)}…` : node.text;
  return (
    <>
      <bdi className={styles[node.kind]}>{node.kind === "string" ? `"${text}"` : text}</bdi>
      {cut && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          show all {formatCount(node.text.length)} characters
        </button>
      )}
    </>
  );
}
