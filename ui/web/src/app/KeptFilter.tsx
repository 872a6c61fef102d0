import { useLocation } from "@tanstack/react-router";
import { X } from "lucide-react";
import { visible } from "../kit/format";
import { useContext, useSetContext } from "./context";
import styles from "./TopBar.module.css";

/** Pages that have no use for the filter. */
const WITHOUT = ["/sql", "/status", "/onboarding"];

/** On pages without a filter: the one of the other pages, struck through, not forgotten. */
export function KeptFilter() {
  const { q } = useContext();
  const setContext = useSetContext();
  const path = useLocation({ select: (location) => location.pathname });
  if (!q || !WITHOUT.includes(path)) return null;
  return (
    <span className={styles.kept} title="Not used on this page; kept for the others">
      <span className="hidden-text">Filter that is not used on this page: </span>
      <s>
        <bdi>{visible(q)}</bdi>
      </s>
      <button
        type="button"
        aria-label="Remove the filter"
        onClick={() => setContext({ q: undefined })}
      >
        <X size={12} aria-hidden />
      </button>
    </span>
  );
}
