import { useCallback, useLayoutEffect, useRef } from "react";

/** A function that stays the same and does what the latest render says; for events only. */
export function useEvent<A extends unknown[]>(handler: (...args: A) => void): (...args: A) => void {
  const latest = useRef(handler);
  useLayoutEffect(() => {
    latest.current = handler;
  });
  return useCallback((...args: A) => latest.current(...args), []);
}
