/** Colours of services: slots that the server gave out, the same for every viewer. */
import { useQuery } from "@tanstack/react-query";
import { slotsQuery } from "../api/queries";

export const SERVICE_COLOURS = 12;

const NONE: Record<string, number> = {};

/** Slot by service name. */
export function useSlots(): Record<string, number> {
  return useQuery(slotsQuery()).data?.slots ?? NONE;
}

/** The slot of `name`; a stable guess for a service that the server has not named yet. */
export function slotOf(slots: Record<string, number>, name: string): number {
  const known = Object.hasOwn(slots, name) ? slots[name] : undefined;
  if (known !== undefined) return known;
  let hash = 0;
  for (let at = 0; at < name.length; at += 1) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  return hash % SERVICE_COLOURS;
}

/** Name of the colour token of a slot. */
export const slotToken = (slot: number) => `svc-${slot % SERVICE_COLOURS}`;

/** Slots of the second round share colours with the first: they are drawn hatched. */
export const slotHatched = (slot: number) => slot % (2 * SERVICE_COLOURS) >= SERVICE_COLOURS;
