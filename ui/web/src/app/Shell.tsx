import { Link, Outlet } from "@tanstack/react-router";
import styles from "./Shell.module.css";

const PAGES = [
  ["/", "Home"],
  ["/traces", "Traces"],
  ["/logs", "Logs"],
  ["/metrics", "Metrics"],
  ["/services", "Services"],
  ["/sql", "SQL"],
  ["/status", "Status"],
] as const;

/** What surrounds every page. */
export function Shell() {
  return (
    <div className={styles.shell}>
      <nav className={styles.rail} aria-label="Pages">
        {PAGES.map(([to, name]) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/", includeSearch: false }}>
            {name}
          </Link>
        ))}
      </nav>
      <main className={styles.main} id="main" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
