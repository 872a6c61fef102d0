import { useQuery } from "@tanstack/react-query";
import { statusQuery } from "../api/queries";

/** Whether the store ever got data; null until that is known. */
export function useHasData(asked: boolean): boolean | null {
  const store = useQuery({ ...statusQuery(), enabled: asked }).data?.store;
  return store ? store.part_rows + store.buffer_rows > 0 : null;
}
