/** Attributes of one level: key and value, each to keep, to drop or to copy. */
import { Minus, Plus } from "lucide-react";
import { useState } from "react";
import type { Attr, AttributeLevel } from "../api/types";
import { IconButton } from "../kit/Button";
import { dropTerm, keepTerm, withTerm } from "../kit/filterterms";
import { formatCount, visible } from "../kit/format";
import { Copy } from "../kit/Values";
import styles from "./LogDetail.module.css";

/** Attributes and characters shown before "more". */
const ROWS = 50;
const CHARACTERS = 600;
/** Longer values are not offered as a filter: the address could not hold them. */
const TERM_MAX = 500;

type Props = {
  title: string;
  level: AttributeLevel;
  list: Attr[];
  q: string;
  onEdit(q: string): void;
};

export function AttributeTable({ title, level, list, q, onEdit }: Props) {
  const [shown, setShown] = useState(ROWS);
  if (list.length === 0) return null;
  return (
    <section className={styles.level}>
      <h3>
        {title} <span className={styles.note}>{formatCount(list.length)}</span>
      </h3>
      <dl className={styles.table}>
        {list.slice(0, shown).map((attr, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a key may occur twice, places do not
          <div key={i} className={styles.attribute} data-value="">
            <dt>
              <bdi>{visible(attr.key)}</bdi>
            </dt>
            <dd>
              <Value attr={attr} />
              <Actions attr={attr} level={level} q={q} onEdit={onEdit} />
            </dd>
          </div>
        ))}
      </dl>
      {list.length > shown && (
        <button type="button" className={styles.more} onClick={() => setShown(shown + 10 * ROWS)}>
          {formatCount(list.length - shown)} more
        </button>
      )}
    </section>
  );
}

function Value({ attr }: { attr: Attr }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && attr.value.length > CHARACTERS;
  return (
    <span className={styles.value} data-type={attr.type}>
      <bdi>{visible(cut ? attr.value.slice(0, CHARACTERS) : attr.value)}</bdi>
      {attr.value === "" && <i className={styles.note}>empty</i>}
      {cut && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          … show all {formatCount(attr.value.length)} characters
        </button>
      )}
    </span>
  );
}

type ActionsProps = { attr: Attr; level: AttributeLevel; q: string; onEdit(q: string): void };

function Actions({ attr, level, q, onEdit }: ActionsProps) {
  const plain = ["string", "int", "double", "bool"].includes(attr.type);
  const filters = plain && attr.value.length <= TERM_MAX;
  const name =
    level === "resource" && attr.key === "service.name" ? "service" : `${level}.${attr.key}`;
  return (
    <span className={styles.tools}>
      {filters && (
        <>
          <IconButton
            data-act="keep"
            label={`Keep ${attr.key}`}
            icon={<Plus size={14} aria-hidden />}
            className={styles.small}
            onClick={() => onEdit(withTerm(q, keepTerm(name, attr.value)))}
          />
          <IconButton
            data-act="drop"
            label={`Drop ${attr.key}`}
            icon={<Minus size={14} aria-hidden />}
            className={styles.small}
            onClick={() => onEdit(withTerm(q, dropTerm(name, attr.value)))}
          />
        </>
      )}
      <Copy value={attr.value} label={`Copy ${visible(attr.key.slice(0, 80))}`} />
    </span>
  );
}
