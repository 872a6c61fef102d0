/** Keys for what has the focus, a value or a record: they press the buttons that stand beside it. */
import { copyText } from "../kit/Values";
import { announce } from "./announce";
import { useKeys } from "./keys";

/** Buttons say with `data-act` what they do, rows with `data-value` that they hold one value. */
type Act = "keep" | "drop" | "copy" | "json";

const ACTS: readonly { keys: string; act: Act; name: string }[] = [
  { keys: "x", act: "keep", name: "Keep only what has this value" },
  { keys: "Shift+X", act: "drop", name: "Leave out what has this value" },
  { keys: "c", act: "copy", name: "Copy the value, or the id of the row" },
  { keys: "Shift+C", act: "json", name: "Copy the open record or span as JSON" },
];

/** A value is one row; a record is its row in a list with what is open below it, or a pane. */
const PLACES: Record<Act, string> = {
  keep: "[data-value]",
  drop: "[data-value]",
  copy: "[data-value], [data-copy]",
  json: "[data-record], [data-index]:has([data-act='json'])",
};

export function useValueKeys(): void {
  useKeys(
    ACTS.map(({ keys, name, act }) => ({
      keys,
      name,
      group: "With the focus on a value or row",
      quiet: true,
      run: () => perform(act),
    })),
  );
}

function perform(act: Act): void {
  const place = document.activeElement?.closest<HTMLElement>(PLACES[act]);
  const button = place?.querySelector<HTMLButtonElement>(`[data-act="${act}"]`);
  const text = place?.dataset["copy"];
  if (button) button.click();
  else if (act === "copy" && text !== undefined) {
    void copyText(text).then((done) => announce(done ? "Copied" : "It could not be copied"));
  } else announce("Move the focus to a value first");
}
