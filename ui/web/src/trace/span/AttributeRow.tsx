import { useNavigate } from "@tanstack/react-router";
import { Minus, MoreHorizontal, Plus } from "lucide-react";
import { announce } from "../../app/announce";
import { useContext } from "../../app/context";
import { Button, IconButton } from "../../kit/Button";
import { Cell, Row } from "../../kit/Cells";
import { dropTerm, keepTerm, withTerm } from "../../kit/filterterms";
import { visible } from "../../kit/format";
import { Menu } from "../../kit/Menu";
import { Copy, copyText } from "../../kit/Values";
import { type Entry, filterKey } from "../attributes";
import { formOf } from "../values";
import styles from "./AttributeRow.module.css";
import { LongText } from "./LongText";

interface Props {
  entry: Entry;
  open: boolean;
  tabIndex: 0 | -1;
  onToggle(): void;
}

/** Longer values make long addresses: they are copied, not filtered for. */
const FILTER_CHARACTERS_MAX = 512;

/** One line; opened, the value with its line ends and what can be done with it. */
export function AttributeRow({ entry, open, tabIndex, onToggle }: Props) {
  const { level, key, type, value } = entry;
  const form = formOf(key, type, value);
  return (
    <Row className={styles.row} data-open={open || undefined} data-value="">
      <Cell>
        <button
          type="button"
          className={styles.line}
          data-main
          tabIndex={tabIndex}
          aria-expanded={open}
          onClick={onToggle}
        >
          <bdi className={styles.key} title={`${level} · ${type}`}>
            {visible(key)}
            {level !== "span" && <span className={styles.level}>{level}</span>}
          </bdi>
          {!open && <bdi className={styles.value}>{oneLine(value)}</bdi>}
        </button>
      </Cell>
      <Cell className={styles.actions}>
        <Actions entry={entry} tabIndex={tabIndex} />
      </Cell>
      {open && (
        <Cell className={styles.whole}>
          <LongText value={value} form={form} />
          <span className={styles.type}>{type}</span>
        </Cell>
      )}
    </Row>
  );
}

function oneLine(value: string): string {
  return visible(value.slice(0, 200));
}

function Actions({ entry, tabIndex }: { entry: Entry; tabIndex: 0 | -1 }) {
  const navigate = useNavigate();
  const { q = "" } = useContext();
  const key = entry.value.length <= FILTER_CHARACTERS_MAX ? filterKey(entry) : null;
  const search = (term: string) =>
    void navigate({ to: "/traces", search: (old) => ({ ...old, q: withTerm(q, term) }) as never });
  const copy = (text: string) => void copyText(text).then(() => announce("Copied"));
  return (
    <>
      {key !== null && (
        <>
          <IconButton
            data-act="keep"
            label="Search traces with this value"
            tabIndex={tabIndex}
            icon={<Plus size={14} aria-hidden />}
            onClick={() => search(keepTerm(key, entry.value))}
          />
          <IconButton
            data-act="drop"
            label="Search traces without this value"
            tabIndex={tabIndex}
            icon={<Minus size={14} aria-hidden />}
            onClick={() => search(dropTerm(key, entry.value))}
          />
        </>
      )}
      <Copy value={entry.value} label="Copy the value" tabIndex={tabIndex} />
      <Menu
        align="end"
        trigger={
          <Button
            look="quiet"
            tabIndex={tabIndex}
            aria-label={`More about ${entry.key}`}
            icon={<MoreHorizontal size={14} aria-hidden />}
          />
        }
        items={[
          { text: "Copy key", onSelect: () => copy(entry.key) },
          ...(key === null
            ? []
            : [{ text: "Copy as filter", onSelect: () => copy(keepTerm(key, entry.value)) }]),
        ]}
      />
    </>
  );
}
