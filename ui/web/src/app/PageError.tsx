import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";

/** Shown instead of a page that failed to draw or to load its script. */
export function PageError({ error, reset }: { error: unknown; reset?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const stale = /dynamically imported module|module script/i.test(message);
  return (
    <Empty
      title={stale ? "This page is of an older version of Oriel" : "This page failed"}
      detail={stale ? "The server was updated since it was opened." : message}
    >
      <Button onClick={() => (stale || !reset ? location.reload() : reset())}>
        {stale ? "Reload" : "Try again"}
      </Button>
    </Empty>
  );
}
