/** The small chart of one metric, asked for when it comes into view. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { metricSeriesQuery } from "../api/queries";
import type { Metric, Range } from "../api/types";
import { useTheme } from "../kit/theme";
import styles from "./Catalogue.module.css";
import { isRate, unitOf } from "./series";
import { drawSpark } from "./spark";
import { withUnit } from "./unit";

type Props = { metric: Metric; range: Range; height: number; steps?: number };

const SERIES_MAX = 8;

/** Waits until the element has been in view for a moment: fast scrolling asks nothing. */
function useSeen(ref: React.RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (element === null || seen) return;
    let timer = 0;
    const observer = new IntersectionObserver(([entry]) => {
      clearTimeout(timer);
      if (entry?.isIntersecting) timer = window.setTimeout(() => setSeen(true), 120);
    });
    observer.observe(element);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, [ref, seen]);
  return seen;
}

export function Spark({ metric, range, height, steps = 60 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const seen = useSeen(box);
  const theme = useTheme();
  const answer = useQuery({
    ...metricSeriesQuery({
      ...range,
      name: metric.name,
      type: metric.type,
      steps,
      limit: SERIES_MAX,
    }),
    enabled: seen,
    staleTime: 30_000,
  });
  const { data } = answer;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => {
    const element = canvas.current;
    if (element === null || data === undefined) return;
    const sizes = new ResizeObserver(() => drawSpark(element, data));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [data, theme]);
  const last = data?.series[0]?.values.findLast((value) => value !== null) ?? null;
  const unit = unitOf(data?.agg ?? "auto", metric.unit);
  const text = data === undefined ? "" : withUnit(last, unit, isRate(data.agg));
  return (
    <div ref={box} className={styles.spark} data-stale={answer.isPlaceholderData || undefined}>
      <canvas ref={canvas} style={{ height }} role="img" aria-label={`Last value ${text}`} />
      <span className={styles.value}>
        {answer.error
          ? "failed"
          : data === undefined
            ? "…"
            : data.series.length === 0
              ? "no points"
              : text}
      </span>
    </div>
  );
}
