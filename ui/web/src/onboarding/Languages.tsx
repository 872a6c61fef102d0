import { type KeyboardEvent, useId, useState } from "react";
import { savedToken } from "../api/token";
import { readSaved, save } from "../kit/saved";
import { Copy } from "../kit/Values";
import styles from "./Guide.module.css";
import { LANGUAGES } from "./snippets";

/** What to copy, for the language that was picked here last. */
export function Languages() {
  const [picked, setPicked] = useState(() => readSaved("language", "python"));
  const id = useId();
  const found = LANGUAGES.findIndex((language) => language.id === picked);
  const at = Math.max(0, found);
  const language = LANGUAGES[at];
  const pick = (next: number) => {
    const chosen = LANGUAGES[(next + LANGUAGES.length) % LANGUAGES.length];
    if (!chosen) return;
    setPicked(chosen.id);
    save("language", chosen.id);
    document.getElementById(`${id}-${chosen.id}`)?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowRight") pick(at + 1);
    else if (event.key === "ArrowLeft") pick(at - 1);
    else return;
    event.preventDefault();
  };
  const snippets = language?.snippets(location.origin, savedToken() !== null) ?? [];
  return (
    <div className={styles.languages}>
      <div role="tablist" aria-label="Language" className={styles.tabs} onKeyDown={onKey}>
        {LANGUAGES.map(({ id: own, name }, tab) => (
          <button
            type="button"
            key={own}
            id={`${id}-${own}`}
            role="tab"
            aria-selected={tab === at}
            aria-controls={`${id}-panel`}
            tabIndex={tab === at ? 0 : -1}
            onClick={() => pick(tab)}
          >
            {name}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${language?.id}`}>
        {snippets.map(({ title, text }) => (
          <figure key={title} className={styles.snippet}>
            <figcaption>
              {title}
              <Copy value={text} label={`Copy: ${title}`} />
            </figcaption>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll by keys */}
            <pre tabIndex={0}>{text}</pre>
          </figure>
        ))}
      </div>
    </div>
  );
}
