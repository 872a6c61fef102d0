import { Link } from "@tanstack/react-router";
import { Empty } from "../kit/Empty";
import { PageFrame } from "../kit/PageFrame";

export function NotFound() {
  return (
    <PageFrame title="No such page">
      <Empty title="There is no page at this address">
        <Link to="/">Home</Link>
      </Empty>
    </PageFrame>
  );
}
