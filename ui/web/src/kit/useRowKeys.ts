/** Lets `j` and `k` go through the rows of a list from anywhere on its page. */
import type { RefObject } from "react";
import { useKeys } from "../app/keys";
import type { RowsHandle } from "./VirtualRows";

export function useRowKeys(rows: RefObject<RowsHandle | null>) {
  useKeys([
    { keys: "j", name: "Next row", group: "List", quiet: true, run: () => rows.current?.step(1) },
    {
      keys: "k",
      name: "Row before",
      group: "List",
      quiet: true,
      run: () => rows.current?.step(-1),
    },
  ]);
}
