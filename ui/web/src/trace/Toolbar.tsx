import { ChevronDown, ChevronUp, Search } from "lucide-react";
import { type KeyboardEvent, memo, type Ref, useEffect, useState } from "react";
import { announce } from "../app/announce";
import { Button, IconButton } from "../kit/Button";
import { formatCount, plural } from "../kit/format";
import { Input } from "../kit/Input";
import { Select } from "../kit/Select";
import type { ServiceFacts } from "./model";
import { ServiceFilter } from "./ServiceFilter";
import type { TraceSearch } from "./search";
import type { Only } from "./shown";
import styles from "./Toolbar.module.css";
import type { SetSearch } from "./useNavigation";

interface Props {
  search: TraceSearch;
  setSearch: SetSearch;
  services: readonly ServiceFacts[];
  errors: number;
  hasSkew: boolean;
  /** Which match the active row is, from 1; 0 when it is none. */
  place: number;
  count: number;
  pending: boolean;
  /** Why attributes were not searched. */
  findError: Error | null;
  findRef: Ref<HTMLInputElement>;
  onStep(what: "match" | "error", step: 1 | -1): void;
  onList(): void;
}

export const Toolbar = memo(function Toolbar(props: Props) {
  const { search, setSearch, services, errors } = props;
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Find and filter">
      <FindBox {...props} />
      <Select<Only>
        label="Which spans are shown"
        value={search.only ?? "all"}
        choices={[
          { value: "all", text: "All spans" },
          { value: "matches", text: "Matches only" },
          { value: "errors", text: "Errors only" },
          { value: "critical", text: "Critical path only" },
        ]}
        onChange={(only) => setSearch({ only: only === "all" ? undefined : only })}
      />
      <ServiceFilter services={services} hidden={search.hide ?? []} setSearch={setSearch} />
      {errors > 0 && (
        <span className={styles.steps}>
          <span className={styles.errors}>
            <span aria-hidden>⬢</span> {formatCount(errors)}
          </span>
          <IconButton
            label="Previous error"
            keys="E"
            icon={<ChevronUp size={14} aria-hidden />}
            onClick={() => props.onStep("error", -1)}
          />
          <IconButton
            label="Next error"
            keys="e"
            icon={<ChevronDown size={14} aria-hidden />}
            onClick={() => props.onStep("error", 1)}
          />
        </span>
      )}
      <Button
        look="quiet"
        aria-pressed={search.path === true}
        onClick={() => setSearch({ path: search.path ? undefined : true })}
      >
        Critical path
      </Button>
      <Button
        look="quiet"
        aria-pressed={search.fold !== 0}
        onClick={() => setSearch({ fold: search.fold === 0 ? undefined : 0 })}
      >
        Fold repeats
      </Button>
      {props.hasSkew && (
        <Button
          look="quiet"
          aria-pressed={search.skew === true}
          onClick={() => setSearch({ skew: search.skew ? undefined : true, zoom: undefined })}
        >
          Take out skew
        </Button>
      )}
    </div>
  );
});

/** The text goes to the address after a pause in typing; Enter steps through the matches. */
function FindBox(props: Props) {
  const { search, setSearch, place, count, pending, findError, findRef, onStep, onList } = props;
  const [text, setText] = useState(search.find ?? "");
  useEffect(() => setText(search.find ?? ""), [search.find]);
  useEffect(() => {
    if (text === (search.find ?? "")) return;
    const timer = setTimeout(
      () => setSearch({ find: text === "" ? undefined : text }, "replace"),
      120,
    );
    return () => clearTimeout(timer);
  }, [text, search.find, setSearch]);
  useEffect(() => {
    if (search.find && !pending) announce(plural(count, "match", "matches"));
  }, [search.find, pending, count]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") onStep("match", event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && text !== "") setText("");
    else if (event.key === "Escape" || event.key === "ArrowDown") onList();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className={styles.find}>
      <Input
        ref={findRef}
        label="Find in this trace: service, operation, span id, or any attribute"
        placeholder="Find service, operation, attribute…"
        icon={<Search size={14} aria-hidden />}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className={styles.input}
      />
      {text !== "" && (
        <span className={styles.steps}>
          <span
            className={styles.count}
            data-pending={pending || undefined}
            title={findError?.message}
          >
            {count === 0 && !pending
              ? "no match"
              : `${place > 0 ? `${formatCount(place)} of ` : ""}${formatCount(count)}`}
            {findError && <span className={styles.note}> ▲ names only</span>}
          </span>
          <IconButton
            label="Previous match"
            keys="N"
            disabled={count === 0}
            icon={<ChevronUp size={14} aria-hidden />}
            onClick={() => onStep("match", -1)}
          />
          <IconButton
            label="Next match"
            keys="n"
            disabled={count === 0}
            icon={<ChevronDown size={14} aria-hidden />}
            onClick={() => onStep("match", 1)}
          />
        </span>
      )}
    </span>
  );
}
