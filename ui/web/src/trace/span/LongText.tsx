import { useState } from "react";
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
  const text = laidOut(form, cut ? value.slice(0, CUT) : value);
  return (
    <>
      <div className={styles.text} data-form={form}>
        {whole && text.length > PIECE
          ? pieces(text, PIECE).map((piece, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: pieces keep their places
              <div key={at} className={styles.piece}>
                {shown(piece)}
              </div>
            ))
          : shown(text)}
        {cut && "…"}
      </div>
      {value.length > CUT && (
        <button
          type="button"
          className={styles.more}
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole ? "Show less" : `Show all (${formatBytes(new Blob([value]).size)})`}
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
