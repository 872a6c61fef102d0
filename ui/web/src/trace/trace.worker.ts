/** Runs the engine beside the page: one question, one answer, in order. */
import { Engine } from "./engine";
import type { Answer, Question } from "./worker-protocol";

let engine: Engine | null = null;

self.onmessage = (event: MessageEvent<{ id: number; question: Question }>) => {
  const { id, question } = event.data;
  try {
    const value = answer(question);
    self.postMessage(
      { id, value },
      { transfer: value instanceof Uint8ClampedArray ? [value.buffer] : [] },
    );
  } catch (error) {
    self.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};

function answer(question: Question): Answer[Question["ask"]] {
  if (question.ask === "open") {
    engine = new Engine(question.bytes, question.shown);
    return engine.opened;
  }
  if (!engine) throw new Error("no trace is open");
  switch (question.ask) {
    case "shape":
      return engine.shape(question.shown, question.action);
    case "find":
      return engine.find(question.text, question.serverRows);
    case "statistics":
      return engine.statistics();
    case "flame":
      return engine.flame(question.mode);
    case "overview":
      return engine.overview(question.style, question.from, question.to);
  }
}
