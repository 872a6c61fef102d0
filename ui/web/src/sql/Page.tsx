import { Empty } from "../kit/Empty";
import { PageFrame } from "../kit/PageFrame";

export function Page() {
  return (
    <PageFrame title="SQL">
      <Empty title="Not here yet" />
    </PageFrame>
  );
}
