/** The filter of a page as a statement: to read, to copy, to go on with on the SQL page. */
import { Link } from "@tanstack/react-router";
import { Braces } from "lucide-react";
import { IconButton } from "./Button";
import { Popover } from "./Popover";
import styles from "./SqlButton.module.css";
import { formatted } from "./sqllayout";
import { Copy } from "./Values";

export function SqlButton({ sql: plain }: { sql: string | undefined }) {
  if (plain === undefined) return null;
  const sql = formatted(plain);
  return (
    <Popover
      label="The filter as SQL"
      align="end"
      className={styles.layer}
      trigger={<IconButton label="Show SQL" icon={<Braces size={16} aria-hidden />} />}
    >
      <header className={styles.header}>
        <strong>The filter as SQL</strong>
        <Copy value={sql} label="Copy the SQL" />
        <Link
          to="/sql"
          search={(old) => ({ ...old, sql, run: true }) as never}
          className={styles.open}
        >
          Open in SQL
        </Link>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keys */}
      <pre className={styles.sql} tabIndex={0}>
        {sql}
      </pre>
    </Popover>
  );
}
