/** A record that a link names but the list does not have (yet): shown above it. */
import { LogDetail } from "./LogDetail";
import styles from "./Page.module.css";

type Props = { id: string; zone: string; onClose(): void };

export function LinkedRecord({ id, zone, onClose }: Props) {
  return (
    <section className={styles.linked} aria-label="Linked record" data-record="">
      <p className={styles.linkedTitle}>The linked record is not among the rows below.</p>
      <LogDetail id={id} zone={zone} onClose={onClose} />
    </section>
  );
}
