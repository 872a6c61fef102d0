/** Whether the server was reached the last time it was asked. */
import { createStore } from "../kit/store";

export const connection = createStore({ reachable: true });

export function reached(): void {
  if (!connection.get().reachable) connection.set({ reachable: true });
}

export function unreached(): void {
  if (connection.get().reachable) connection.set({ reachable: false });
}
