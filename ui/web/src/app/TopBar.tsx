import { ChevronLeft, ChevronRight, Search, ZoomOut } from "lucide-react";
import { IconButton } from "../kit/Button";
import { keySigns } from "./chords";
import { KeptFilter } from "./KeptFilter";
import { RefreshControl } from "./RefreshControl";
import { useTimeKeys, useTimeSteps } from "./steps";
import { TimePicker } from "./TimePicker";
import styles from "./TopBar.module.css";
import { ZonePicker } from "./ZonePicker";

const ICON = { size: 16, "aria-hidden": true } as const;

/** The context of the page: where to go, and the time that is looked at. */
export function TopBar({ onPalette }: { onPalette(): void }) {
  const steps = useTimeSteps();
  useTimeKeys();
  return (
    <header className={styles.bar}>
      <button type="button" className={styles.jump} onClick={onPalette} aria-haspopup="dialog">
        <Search size={14} aria-hidden />
        <span>Search or jump</span>
        <kbd>{keySigns("mod+k").join("")}</kbd>
      </button>
      <KeptFilter />
      <div className={styles.space} />
      <fieldset className={styles.group}>
        <legend className="hidden-text">Time range</legend>
        <IconButton
          label="Earlier by one range"
          keys="t ←"
          icon={<ChevronLeft {...ICON} />}
          onClick={() => steps.step(-1)}
        />
        <TimePicker />
        <IconButton
          label="Later by one range"
          keys="t →"
          icon={<ChevronRight {...ICON} />}
          disabled={!steps.hasLater}
          onClick={() => steps.step(1)}
        />
        <IconButton
          label="Zoom out: twice the time"
          keys="t −"
          icon={<ZoomOut {...ICON} />}
          onClick={() => steps.zoom(2)}
        />
      </fieldset>
      <ZonePicker />
      <RefreshControl />
    </header>
  );
}
