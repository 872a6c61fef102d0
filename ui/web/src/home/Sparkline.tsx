import type { Service } from "../api/types";
import { formatCount } from "../kit/format";
import { bars } from "./model";
import styles from "./ServicesTable.module.css";

const WIDTH = 120;
const HEIGHT = 18;

/** Requests over time, and the errors among them. */
export function Sparkline({ service }: { service: Service }) {
  const paths = bars(service.spark, service.spark_errors, WIDTH, HEIGHT);
  const most = Math.max(0, ...service.spark);
  const text = `Requests over time: at most ${formatCount(most)} in one of ${service.spark.length} steps, ${formatCount(service.errors)} errors in all`;
  return (
    <svg
      className={styles.spark}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={text}
    >
      <path d={paths.all} className={styles.sparkAll} />
      <path d={paths.errors} className={styles.sparkErrors} />
    </svg>
  );
}
