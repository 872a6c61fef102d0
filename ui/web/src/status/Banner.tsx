/** The answer to "where is my data?", before everything else. */
import { Link } from "@tanstack/react-router";
import { Time } from "../kit/Values";
import type { Answer, Level } from "./answer";
import styles from "./Page.module.css";

const MARKS: Record<Level, [string, string]> = {
  ok: ["✓", "All is well"],
  warn: ["▲", "Warning"],
  bad: ["⬢", "Error"],
  empty: ["○", "Waiting"],
};
const HALF_HOUR = 1_800_000_000_000n;

export function Banner({ answer }: { answer: Answer }) {
  const { level, title, detail, elsewhere } = answer;
  const [mark, word] = MARKS[level];
  return (
    <section className={styles.banner} data-level={level} aria-label="Where is my data?">
      <span className={styles.mark} role="img" aria-label={word}>
        {mark}
      </span>
      <div>
        <p className={styles.answer} aria-live="polite">
          {title}
        </p>
        <p className={styles.detail}>
          <bdi>{detail}</bdi>
        </p>
        {elsewhere !== null && <Elsewhere {...elsewhere} />}
      </div>
      {(level === "empty" || level === "warn") && (
        <Link to="/onboarding" className={styles.send}>
          How to send data
        </Link>
      )}
    </section>
  );
}

const PAGES = { spans: "/traces", logs: "/logs", metrics: "/metrics" } as const;

/** Stored data of another time, and the way there. */
function Elsewhere({ newest, table }: { newest: string; table: string }) {
  const at = BigInt(newest);
  const range = { from: String(at - HALF_HOUR), to: String(at + HALF_HOUR / 30n) };
  const page = PAGES[table as keyof typeof PAGES] ?? "/traces";
  return (
    <p className={styles.detail}>
      The newest {table} in files are of <Time nanos={newest} day digits="s" />: a range near now
      does not show them.{" "}
      <Link to={page} search={((old: object) => ({ ...old, ...range })) as never}>
        Go to that time
      </Link>
    </p>
  );
}
