import { useCallback, useEffect, useRef, useState } from "react";

const WRITE_AFTER_MS = 250;

/** Text that is typed at once and written to the address when the typing rests. */
export function useTyped(
  value: string,
  write: (text: string) => void,
): [string, (text: string) => void] {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  const written = useRef(value);
  const latest = useRef(write);
  latest.current = write;

  // The address changed by other means than this field: Back, a link.
  useEffect(() => {
    if (value === written.current) return;
    written.current = value;
    setTyped(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const type = useCallback((text: string) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      written.current = text;
      latest.current(text);
    }, WRITE_AFTER_MS);
  }, []);
  return [typed, type];
}
