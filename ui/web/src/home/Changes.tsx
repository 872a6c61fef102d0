import { Link } from "@tanstack/react-router";
import { ArrowRight } from "lucide-react";
import type { Change } from "../api/types";
import { quoted } from "../kit/filterterms";
import { visible } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import styles from "./Changes.module.css";
import { changeText, durationText, isWorse, narrowed } from "./model";

const NAMES: Record<Change["metric"], string> = { p95: "p95", errors: "errors", rate: "rate" };

/** What changed most against the period before, the worst first. */
export function Changes({ changes, q }: { changes: readonly Change[]; q: string | undefined }) {
  if (changes.length === 0) {
    return <p className={styles.none}>Nothing stands out against the period before.</p>;
  }
  return (
    <ol className={styles.changes}>
      {changes.map((change) => (
        <Entry
          key={`${change.service} ${change.operation} ${change.metric}`}
          change={change}
          q={q}
        />
      ))}
    </ol>
  );
}

function Entry({ change, q }: { change: Change; q: string | undefined }) {
  const { before, after } = changeText(change);
  const bad = isWorse(change);
  return (
    <li>
      <Link to="/traces" search={searchOf(change, q)} className={styles.change}>
        <span className={bad ? styles.bad : styles.mark} aria-hidden>
          {bad ? (change.metric === "errors" ? "⬢" : "▲") : "●"}
        </span>
        <span className={styles.service}>
          <ServiceTick name={change.service} />
        </span>
        <bdi className={styles.operation}>{visible(change.operation)}</bdi>
        <span className={styles.metric}>{NAMES[change.metric]}</span>
        <span className={styles.figures}>
          <span>{before}</span>
          <ArrowRight size={12} aria-label="to" />
          <strong className={bad ? styles.bad : undefined}>{after}</strong>
        </span>
      </Link>
    </li>
  );
}

/** The traces behind a change: slow ones, failed ones, or all of the operation. */
function searchOf(change: Change, q: string | undefined) {
  const terms = [`service:${quoted(change.service)}`, `name:${quoted(change.operation)}`];
  if (change.metric === "errors") return { q: narrowed(q, ...terms, "status:error") };
  if (change.metric === "rate" || change.before === null) return { q: narrowed(q, ...terms) };
  const slow = `duration>${durationText(change.before)}`;
  return { q: narrowed(q, ...terms, slow), sort: "longest" as const };
}
