import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { get } from "../api/client";
import { connection } from "../api/connection";
import { useStore } from "../kit/store";
import styles from "./Shell.module.css";

const RETRY_MS = 2000;

/** Says that the server is not reached, asks until it is, and then loads the page's data again. */
export function Offline() {
  const { reachable } = useStore(connection);
  const client = useQueryClient();
  useEffect(() => {
    if (reachable) return;
    const abort = new AbortController();
    const timer = setInterval(() => {
      get("status", {}, abort.signal)
        .then(() => client.invalidateQueries())
        .catch(() => {});
    }, RETRY_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [reachable, client]);
  return (
    <div role="alert">
      {!reachable && (
        <p className={styles.offline}>
          <span aria-hidden>▲</span>
          The server is not reachable, retrying. What is shown is from before.
        </p>
      )}
    </div>
  );
}
