import { useQuery } from "@tanstack/react-query";
import { statusQuery } from "../api/queries";
import { PageFrame } from "../kit/PageFrame";
import styles from "./Guide.module.css";
import { Languages } from "./Languages";
import { LastRejected } from "./LastRejected";
import { SendSample } from "./SendSample";
import { useArrivals } from "./useArrivals";
import { Waiting } from "./Waiting";

interface Props {
  /** Whether the store is known to be empty. */
  empty?: boolean;
  /** Called when the services are wanted. */
  onServices?: () => void;
}

/** From nothing to the first span on the screen. */
export default function Guide({ empty = false, onServices }: Props) {
  const { arrivals, rejected } = useArrivals(empty);
  const status = useQuery({ ...statusQuery(), retry: false }).data;
  return (
    <PageFrame title="Send telemetry to Oriel" className={styles.guide}>
      <p className={styles.lead}>
        Oriel takes OpenTelemetry as it is. Point an SDK or a Collector at this address; no agent,
        no account, nothing to set up here.
      </p>
      <div className={styles.columns}>
        <div className={styles.steps}>
          <Languages />
          <dl className={styles.addresses}>
            <dt>OTLP/HTTP</dt>
            <dd>
              <code>{location.origin}</code>
              {status && (
                <span>
                  {" "}
                  or <code>{status.otlp_http}</code>
                </span>
              )}
            </dd>
            {status && (
              <>
                <dt>OTLP/gRPC</dt>
                <dd>
                  <code>{status.otlp_grpc}</code>
                </dd>
              </>
            )}
          </dl>
        </div>
        <aside className={styles.aside} aria-label="What arrives">
          <Waiting arrivals={arrivals} onServices={onServices} />
          <SendSample />
          <LastRejected live={rejected} />
        </aside>
      </div>
    </PageFrame>
  );
}
