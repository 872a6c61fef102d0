/** One pattern: how many records, when, how bad, from whom; open, one of its records follows. */
import { ChevronRight, List, Minus, Plus } from "lucide-react";
import type { LogPattern } from "../api/types";
import { IconButton } from "../kit/Button";
import { hasTerm, withoutTerm, withTerm } from "../kit/filterterms";
import { exactTime, formatClock, formatCount, formatPercent, visible } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import { LogDetail } from "./LogDetail";
import styles from "./PatternsPanel.module.css";
import { levelMix, type newsOf, piecesOf, termsOfPattern, trendPath } from "./patterns";

type RowProps = {
  pattern: LogPattern;
  news: ReturnType<typeof newsOf>;
  open: boolean;
  zone: string;
  q: string;
  onOpen(): void;
  onEdit(q: string): void;
  onRecords(q: string): void;
};

export function PatternRows({ pattern, news, open, zone, q, onOpen, onEdit, onRecords }: RowProps) {
  const name = visible(pattern.pattern.slice(0, 80));
  const mix = levelMix(pattern.levels);
  return (
    <>
      <tr
        className={styles.row}
        data-level={mix[0]?.level}
        data-open={open || undefined}
        data-value=""
        data-copy={pattern.pattern}
      >
        <td>
          <button
            type="button"
            className={styles.toggle}
            aria-expanded={open}
            aria-label={`Pattern ${name}`}
            onClick={onOpen}
          >
            <ChevronRight size={14} aria-hidden />
          </button>
        </td>
        <td data-number="">{formatCount(pattern.count)}</td>
        <td data-number="">{formatPercent(pattern.share)}</td>
        <td title={`${exactTime(pattern.first, zone)} to ${exactTime(pattern.last, zone)}`}>
          <Trend pattern={pattern} zone={zone} />
        </td>
        <td>
          <Mix mix={mix} />
        </td>
        <td className={styles.pattern}>
          {news && (
            <span className={styles.news} data-news={news}>
              {news}
            </span>
          )}
          <Text pattern={pattern.pattern} />
        </td>
        <td className={styles.service}>
          {pattern.services[0] && <ServiceTick name={pattern.services[0].value} />}
          {pattern.services.length > 1 && (
            <span className={styles.quiet}>+{pattern.services.length - 1}</span>
          )}
        </td>
        <td>
          {pattern.q === null ? (
            <span className={styles.quiet} title="No filter finds only these records">
              –
            </span>
          ) : (
            <Actions term={pattern.q} {...{ name, q, onEdit, onRecords }} />
          )}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={8} className={styles.sample} data-record="">
            <p className={styles.quiet}>
              First {formatClock(pattern.first, zone)}, last {formatClock(pattern.last, zone)}.
              {pattern.services.length > 1 &&
                ` Most from ${pattern.services.map(({ value, count }) => `${visible(value)} (${formatCount(count)})`).join(", ")}.`}{" "}
              {pattern.sample ? "Its last record:" : "Its last record is gone."}
            </p>
            {pattern.sample && <LogDetail id={pattern.sample.id} zone={zone} onClose={onOpen} />}
          </td>
        </tr>
      )}
    </>
  );
}

type ActionProps = Pick<RowProps, "q" | "onEdit" | "onRecords"> & { term: string; name: string };

function Actions({ term, name, q, onEdit, onRecords }: ActionProps) {
  const { keep, drop } = termsOfPattern(term);
  const toggle = (text: string) =>
    onEdit(hasTerm(q, text) ? withoutTerm(q, text) : withTerm(q, text));
  return (
    <span className={styles.actions}>
      <IconButton
        data-act="keep"
        label={`Keep only ${name}`}
        icon={<Plus size={14} aria-hidden />}
        onClick={() => toggle(keep)}
      />
      <IconButton
        data-act="drop"
        label={`Leave out ${name}`}
        icon={<Minus size={14} aria-hidden />}
        onClick={() => toggle(drop)}
      />
      <IconButton
        label={`Records of ${name}`}
        icon={<List size={14} aria-hidden />}
        onClick={() => onRecords(withTerm(q, keep))}
      />
    </span>
  );
}

function Text({ pattern }: { pattern: string }) {
  if (pattern === "") return <i className={styles.quiet}>no text</i>;
  return (
    <bdi title={visible(pattern.slice(0, 2000))}>
      {piecesOf(pattern).map(({ text, varies }, at) =>
        varies ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces keep their places
          <span key={at} className={styles.varies}>
            {text}
          </span>
        ) : (
          visible(text)
        ),
      )}
    </bdi>
  );
}

const TREND = { width: 120, height: 16 };

function Trend({ pattern, zone }: { pattern: LogPattern; zone: string }) {
  const { trend, first, last } = pattern;
  const text = `At most ${formatCount(Math.max(0, ...trend))} in one of ${trend.length} steps, from ${formatClock(first, zone)} to ${formatClock(last, zone)}`;
  return (
    <svg
      className={styles.trend}
      viewBox={`0 0 ${TREND.width} ${TREND.height}`}
      width={TREND.width}
      height={TREND.height}
      role="img"
      aria-label={text}
    >
      <path d={trendPath(trend, TREND.width, TREND.height)} />
    </svg>
  );
}

function Mix({ mix }: { mix: ReturnType<typeof levelMix> }) {
  const text = mix.map(({ level, count }) => `${formatCount(count)} ${level}`).join(", ");
  const worst = mix[0];
  return (
    <span className={styles.mix} title={text}>
      <span className={styles.mixBar} role="img" aria-label={text}>
        {mix.map(({ level, share }) => (
          <span key={level} data-level={level} style={{ width: `${share * 100}%` }} />
        ))}
      </span>
      <span aria-hidden="true" className={styles.worst}>
        {worst?.level}
      </span>
    </span>
  );
}
