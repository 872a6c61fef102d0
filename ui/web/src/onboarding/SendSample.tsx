import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { getBytes, postTraces } from "../api/client";
import { announce } from "../app/announce";
import { Button } from "../kit/Button";
import styles from "./Guide.module.css";
import { sampleTrace } from "./sample";

const TRIES = 40;
const EVERY_MS = 250;

/** Posts one trace to the receiver, and links to it once its page has it. */
export function SendSample() {
  const sent = useMutation({
    mutationFn: sendAndFind,
    onSuccess: () => announce("Trace received"),
  });
  return (
    <div className={styles.sample}>
      <Button
        icon={<Send size={14} aria-hidden />}
        disabled={sent.isPending}
        onClick={() => sent.mutate()}
      >
        {sent.isPending ? "Sending…" : "Send a trace from this page"}
      </Button>
      {sent.data && (
        <Link to="/traces/$id" params={{ id: sent.data }} search={{ from: "now-1h", to: "now" }}>
          Open the trace
        </Link>
      )}
      {sent.error && (
        <p role="alert" className={styles.failed}>
          <span aria-hidden>⬢</span> {sent.error.message}
        </p>
      )}
      {!sent.data && !sent.error && (
        <p>A real request: four spans of two services, one of them failed.</p>
      )}
    </div>
  );
}

async function sendAndFind(): Promise<string> {
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const { traceId, body } = sampleTrace(random, Date.now());
  await postTraces(body);
  for (let tried = 1; ; tried += 1) {
    try {
      await getBytes(`traces/${traceId}/skeleton`, {});
      return traceId;
    } catch (error) {
      if (tried >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}
