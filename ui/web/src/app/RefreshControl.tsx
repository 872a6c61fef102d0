import { useIsFetching } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { IconButton } from "../kit/Button";
import { type Choice, Select } from "../kit/Select";
import { LIVE_STEPS, type LiveStep, useContext, useSetContext } from "./context";
import { useKeys } from "./keys";
import styles from "./RefreshControl.module.css";
import { useHeld, useRefresh } from "./refresh";

const CHOICES: Choice<LiveStep | "off">[] = [
  { value: "off", text: "Off" },
  ...LIVE_STEPS.map((step) => ({
    value: step,
    text: step === "1m" ? "1 min" : `${step.slice(0, -1)} s`,
  })),
];

/** Refresh now, and how often by itself. */
export function RefreshControl() {
  const { live } = useContext();
  const setContext = useSetContext();
  const refresh = useRefresh();
  const held = useHeld();
  const fetching = useIsFetching() > 0;
  const setLive = (step: LiveStep | "off") =>
    setContext({ live: step === "off" ? undefined : step }, "replace");
  useKeys([
    { keys: "r", name: "Refresh", group: "Time", run: refresh },
    {
      keys: "Shift+R",
      name: "Refresh by itself, on or off",
      group: "Time",
      run: () => setLive(live ? "off" : "5s"),
    },
  ]);
  return (
    <div className={styles.refresh}>
      <IconButton
        label="Refresh"
        keys="r"
        data-busy={fetching || undefined}
        icon={<RotateCw size={16} aria-hidden />}
        onClick={refresh}
      />
      <Select
        label="Refresh by itself"
        prefix={live && held ? "Paused" : "Auto"}
        value={live ?? "off"}
        choices={CHOICES}
        onChange={setLive}
      />
    </div>
  );
}
