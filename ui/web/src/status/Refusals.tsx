/** Data that was refused: why, whose, the start of what was sent, and what to do about it. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { Rejected } from "../api/types";
import { Empty } from "../kit/Empty";
import { exactTime, formatAgo, formatBytes, formatCount, plural, visible } from "../kit/format";
import { Copy } from "../kit/Values";
import { hintFor } from "./hints";
import styles from "./Page.module.css";
import { byReason, type Refusal } from "./refusals";
import { type StatusSearch, statusSearch } from "./search";

export function Refusals({ refusals, now }: { refusals: Rejected[]; now: bigint }) {
  const { rejected: open } = useSearch({
    strict: false,
    select: statusSearch,
    structuralSharing: true,
  }) as StatusSearch;
  const navigate = useNavigate();
  const groups = byReason(refusals);
  if (groups.length === 0) {
    return (
      <Empty
        title="Nothing was refused"
        detail="Requests that are not taken, in whole or in part, are listed here with their reason."
      />
    );
  }
  return (
    <ul className={styles.refusals}>
      {groups.map((refusal) => {
        const isOpen = open === refusal.id;
        return (
          <li key={refusal.id}>
            <button
              type="button"
              aria-expanded={isOpen}
              onClick={() =>
                navigate({
                  to: ".",
                  search: ((old: object) => ({
                    ...old,
                    rejected: isOpen ? undefined : refusal.id,
                  })) as never,
                  replace: true,
                  resetScroll: false,
                })
              }
            >
              <ChevronRight size={14} aria-hidden />
              <code>{visible(refusal.newest.status)}</code>
              <span className={styles.reason}>
                <bdi>{visible(refusal.newest.reason)}</bdi>
              </span>
              <span className={styles.quiet}>
                {refusal.newest.signal} ·{" "}
                {refusal.count > 1 ? `${formatCount(refusal.count)} × · ` : ""}
                {formatAgo(refusal.newest.time, now)}
              </span>
            </button>
            {isOpen && <Details refusal={refusal} />}
          </li>
        );
      })}
    </ul>
  );
}

function Details({ refusal }: { refusal: Refusal }) {
  const { newest, count, records } = refusal;
  const hint = hintFor(newest.reason);
  const facts: [string, string][] = [
    ["Sent by", `${newest.peer ?? "unknown"} by ${newest.transport}`],
    [
      "Refused",
      records === null
        ? plural(count, "whole request")
        : `${plural(records, "record")}, the rest was kept`,
    ],
    [
      "Content type",
      `${newest.content_type || "none"}${newest.encoding === "" ? "" : `, ${newest.encoding}`}`,
    ],
    ["Size", formatBytes(newest.bytes)],
    ["Newest", exactTime(newest.time)],
  ];
  return (
    <div className={styles.details}>
      {hint !== null && (
        <p className={styles.todo}>
          <b>What to do</b> {hint}
        </p>
      )}
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{visible(value)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      {newest.sample === "" ? (
        <p className={styles.quiet}>No body was read.</p>
      ) : (
        <figure className={styles.sample}>
          <figcaption>
            Start of the body{newest.sample_kind === "hex" ? ", as hex" : ""}
            <Copy value={newest.sample} label="Copy the sample" />
          </figcaption>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region takes keys */}
          <pre tabIndex={0}>
            <bdi>{newest.sample.split("\n").map(visible).join("\n")}</bdi>
          </pre>
        </figure>
      )}
    </div>
  );
}
