/** While an answer loads, the one before stays: this tells which question the shown one answers. */
import { useRef } from "react";

export function useShownKey(asked: string, isPlaceholder: boolean): string {
  const shown = useRef(asked);
  if (!isPlaceholder) shown.current = asked;
  return shown.current;
}
