import { Link } from "@tanstack/react-router";
import { useSetContext } from "../app/context";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";

/** There is data, but not in this range or not for this filter. */
export function NoServices({ filtered }: { filtered: boolean }) {
  const setContext = useSetContext();
  return (
    <Empty
      title={filtered ? "No service matches the filter in this range" : "No spans in this range"}
      detail="There is data at other times."
    >
      {filtered && <Button onClick={() => setContext({ q: undefined })}>Clear the filter</Button>}
      <Button onClick={() => setContext({ from: "now-30d", to: "now" })}>Last 30 days</Button>
      <Link to="/onboarding">How to send data</Link>
    </Empty>
  );
}
