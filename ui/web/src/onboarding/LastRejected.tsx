import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rejectedQuery } from "../api/queries";
import type { Rejected } from "../api/types";
import { visible } from "../kit/format";
import { Time } from "../kit/Values";
import styles from "./Guide.module.css";

const SAMPLE_MAX = 240;

/** The last request that was refused, and why: the first thing to look at when nothing comes. */
export function LastRejected({ live }: { live: Rejected | null }) {
  const { data } = useQuery({ ...rejectedQuery(1), retry: false });
  const last = live ?? data?.rejected[0];
  if (!last) return null;
  return (
    <section className={styles.rejected} aria-labelledby="last-rejected">
      <h2 id="last-rejected">
        <span aria-hidden>▲</span> The last refused request
      </h2>
      <p>
        <Time nanos={last.time} digits="s" /> · {last.signal} over {last.transport} · {last.status}
      </p>
      <p className={styles.reason}>
        <bdi>{visible(last.reason)}</bdi>
      </p>
      {last.sample !== "" && (
        <pre>
          <bdi>{visible(last.sample.slice(0, SAMPLE_MAX))}</bdi>
          {last.sample.length > SAMPLE_MAX && "…"}
        </pre>
      )}
      <Link to="/status">All refused requests</Link>
    </section>
  );
}
