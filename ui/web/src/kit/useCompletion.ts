import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { completeQuery } from "../api/queries";
import type { CompletionOption, Table } from "../api/types";
import { useTimeRange } from "../app/context";
import { charsBefore, unitOf } from "./filter";

const PAUSE_MS = 120;
const STEP = 60_000_000_000n;

export interface Completion {
  options: CompletionOption[];
  /** The text and the place of the caret with `option` put in. */
  apply(option: CompletionOption): { text: string; caret: number };
}

/** What can stand at `caret` in `text`, asked for when typing pauses; null while `on` is false. */
export function useCompletion(
  table: Table,
  text: string,
  caret: number,
  on: boolean,
): Completion | null {
  const { bounds } = useTimeRange();
  const [settled, setSettled] = useState({ text, caret });
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ text, caret }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, caret]);
  // Whole minutes: options need not be asked for again at every refresh.
  const params = {
    table,
    q: settled.text,
    position: charsBefore(settled.text, settled.caret),
    from: ((bounds.from / STEP) * STEP).toString(),
    to: ((bounds.to / STEP + 1n) * STEP).toString(),
  };
  const { data, isPlaceholderData } = useQuery({
    ...completeQuery(params),
    enabled: on,
    retry: false,
  });
  if (!on || !data || isPlaceholderData || settled.text !== text || settled.caret !== caret)
    return null;
  const from = unitOf(text, data.from);
  const to = unitOf(text, data.to);
  return {
    options: data.options,
    apply(option) {
      const gap = option.kind === "value" && to === text.length ? " " : "";
      const head = text.slice(0, from) + option.text + gap;
      return { text: head + text.slice(to), caret: head.length };
    },
  };
}
