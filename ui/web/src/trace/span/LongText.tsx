import { useMemo, useState } from "react";
import { formatBytes, visible } from "../../kit/format";
import { type Form, laidOut, pieces } from "../values";
import styles from "./LongText.module.css";

interface Props {
  value: string;
  form: Form;
}

const CUT = 4096;
const PIECE = 8192;

/** A value of any length: cut, and on demand whole, in pieces that are laid out when seen. */
export function LongText({ value, form }: Props) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && value.length > CUT;
  const parts = useMemo(() => {
    const text = laidOut(form, cut ? value.slice(0, CUT) : value);
    return pieces(text, PIECE).map(shown);
  }, [form, cut, value]);
  const bytes = useMemo(() => (value.length > CUT ? new Blob([value]).size : 0), [value]);
  return (
    <>
      <div className={styles.text} data-form={form}>
        {parts.length > 1
          ? parts.map((part, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: pieces keep their places
              <div key={at} className={styles.piece}>
                {part}
              </div>
            ))
          : parts}
        {cut && "…"}
      </div>
      {value.length > CUT && (
        <button
          type="button"
          className={styles.more}
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole ? "Show less" : `Show all (${formatBytes(bytes)})`}
        </button>
      )}
    </>
  );
}

/** Line ends and tabs do what they do; all else that hides is made visible. */
function shown(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part) => (part === "\n" || part === "\t" ? part : visible(part)))
    .join("");
}
