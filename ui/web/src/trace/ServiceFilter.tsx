import { ChevronDown } from "lucide-react";
import { Button } from "../kit/Button";
import { formatCount, plural } from "../kit/format";
import { Popover } from "../kit/Popover";
import { ServiceTick } from "../kit/Values";
import type { ServiceFacts } from "./model";
import styles from "./ServiceFilter.module.css";
import type { SetSearch } from "./useNavigation";

interface Props {
  services: readonly ServiceFacts[];
  hidden: readonly string[];
  setSearch: SetSearch;
}

/** Leaves services out; what is below their spans moves up. */
export function ServiceFilter({ services, hidden, setSearch }: Props) {
  const shown = services.filter(({ name }) => !hidden.includes(name)).length;
  const hide = (names: readonly string[]) =>
    setSearch({ hide: names.length === 0 ? undefined : [...names] });
  const toggle = (name: string) =>
    hide(hidden.includes(name) ? hidden.filter((other) => other !== name) : [...hidden, name]);
  const only = (name: string) =>
    hide(services.filter((other) => other.name !== name).map((other) => other.name));
  return (
    <Popover
      label="Services that are shown"
      trigger={
        <Button aria-pressed={hidden.length > 0}>
          {hidden.length > 0 ? `${shown} of ${plural(services.length, "service")}` : "Services"}
          <ChevronDown size={14} aria-hidden />
        </Button>
      }
    >
      <ul className={styles.list}>
        {services.map(({ name, spans, errors, slot }) => (
          <li key={name} className={styles.service}>
            <label>
              <input
                type="checkbox"
                checked={!hidden.includes(name)}
                onChange={() => toggle(name)}
              />
              <ServiceTick name={name} slot={slot} />
            </label>
            <span className={styles.count}>
              {errors > 0 && <span className={styles.error}>⬢ {formatCount(errors)} · </span>}
              {formatCount(spans)}
            </span>
            <Button look="quiet" onClick={() => only(name)} aria-label={`Only ${name}`}>
              only
            </Button>
          </li>
        ))}
      </ul>
      {hidden.length > 0 && (
        <Button look="quiet" onClick={() => hide([])}>
          Show all services
        </Button>
      )}
    </Popover>
  );
}
