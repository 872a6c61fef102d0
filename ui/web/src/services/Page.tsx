import { Empty } from "../kit/Empty";
import { PageFrame } from "../kit/PageFrame";

export function Page() {
  return (
    <PageFrame title="Services">
      <Empty title="Not here yet" />
    </PageFrame>
  );
}
