/** The trace of the address, opened in a worker, shown as the address says. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { getBytes } from "../api/client";
import { findQuery } from "../api/queries";
import { useStore } from "../kit/store";
import { NO_SESSION, TraceSession } from "./session";
import type { Shown } from "./shown";

export const skeletonQuery = (id: string) =>
  queryOptions({
    queryKey: ["traces", id, "skeleton"],
    queryFn: ({ signal }) => getBytes(`traces/${encodeURIComponent(id)}/skeleton`, {}, signal),
    // Millions of bytes are neither compared nor kept.
    structuralSharing: false,
    staleTime: 60_000,
    gcTime: 10_000,
  });

export function useTrace(id: string, shown: Shown) {
  const query = useQuery(skeletonQuery(id));
  const [session, setSession] = useState<TraceSession | null>(null);
  const latest = useRef(shown);
  latest.current = shown;
  useEffect(() => {
    const created = new TraceSession();
    setSession(created);
    return () => created.close();
  }, []);
  const bytes = query.data?.bytes;
  useEffect(() => {
    if (session && bytes) session.open(bytes, latest.current);
  }, [session, bytes]);
  useEffect(() => {
    void session?.shape(shown, null);
  }, [session, shown]);
  const { trace, error } = useStore(session?.state ?? NO_SESSION);
  return {
    session,
    trace,
    error: query.error ?? error,
    receipt: query.data?.receipt ?? null,
    retry: () => void query.refetch(),
  };
}

const FIND_PAUSE_MS = 250;

/** Finds by name in the worker at once, and by attributes on the server after a pause. */
export function useFind(id: string, session: TraceSession | null, text: string, ready: unknown) {
  const settled = useSettled(text, FIND_PAUSE_MS);
  const server = useQuery({ ...findQuery(id, settled), enabled: settled !== "" });
  const rows =
    text !== "" && settled === text && !server.isPlaceholderData ? server.data?.rows : undefined;
  useEffect(() => {
    if (ready) void session?.find(text, rows ?? []);
  }, [session, text, rows, ready]);
  return { pending: text !== "" && (settled !== text || server.isFetching), error: server.error };
}

function useSettled(value: string, pause: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return settled;
}
