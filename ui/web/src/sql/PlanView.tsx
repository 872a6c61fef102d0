/** EXPLAIN ANALYZE as a tree: what each operator read, and where the time went. */
import { formatDuration } from "../kit/format";
import styles from "./PlanView.module.css";
import { parsePlan } from "./plan";
import { valueText } from "./result";
import type { Value } from "./stream";

export function PlanView({ rows }: { rows: Value[][] }) {
  return (
    <div className={styles.plans}>
      {rows.map((row) => (
        <Plan key={valueText(row[0])} title={valueText(row[0])} text={valueText(row[1])} />
      ))}
    </div>
  );
}

function Plan({ title, text }: { title: string; text: string }) {
  const nodes = parsePlan(text);
  const most = Math.max(1, ...nodes.map((node) => node.computeNs ?? 0));
  const measured = nodes.some((node) => node.computeNs !== null);
  return (
    <section>
      <h3>{title.replaceAll("_", " ")}</h3>
      <table className={styles.plan}>
        <thead>
          <tr>
            <th scope="col">Operator</th>
            {measured && <th scope="col">Rows out</th>}
            {measured && <th scope="col">Own time</th>}
          </tr>
        </thead>
        <tbody>
          {nodes.map((node, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a plan does not change
            <tr key={index}>
              <td style={{ paddingInlineStart: 12 + node.depth * 16 }}>
                <details>
                  <summary>
                    <b>{node.name}</b> <bdi>{node.detail}</bdi>
                  </summary>
                  <dl>
                    {node.metrics.map(([key, value]) => (
                      <div key={key}>
                        <dt>{key}</dt>
                        <dd>{value}</dd>
                      </div>
                    ))}
                  </dl>
                </details>
              </td>
              {measured && <td className={styles.figure}>{node.rows ?? "–"}</td>}
              {measured && (
                <td className={styles.figure}>
                  <span
                    className={styles.bar}
                    style={{ width: `${((node.computeNs ?? 0) / most) * 64}px` }}
                  />
                  {formatDuration(node.computeNs)}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
