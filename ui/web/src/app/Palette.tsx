import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { slotsQuery } from "../api/queries";
import { Dialog } from "../kit/Dialog";
import { setTheme } from "../kit/theme";
import { ServiceTick } from "../kit/Values";
import { keySigns } from "./chords";
import { type Command, fitting, idOf } from "./commands";
import { useBindings } from "./keys";
import styles from "./Palette.module.css";
import { PAGES } from "./pages";
import { useRecent } from "./recent";

const PER_GROUP = 8;

/** One field from which everything can be reached. */
export function Palette({ onClose }: { onClose(): void }) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const commands = useCommands(text);
  const shown = useMemo(
    () => placed(commands.asked, fitting(commands.all, text, PER_GROUP)),
    [commands, text],
  );
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    list.current?.querySelector(`[data-at="${active}"]`)?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const last = shown.length - 1;
    if (event.key === "ArrowDown") setActive(active >= last ? 0 : active + 1);
    else if (event.key === "ArrowUp") setActive(active <= 0 ? last : active - 1);
    else if (event.key === "Enter") run(shown[active]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Search or jump" open onClose={onClose} bare className={styles.palette}>
      <div className={styles.field}>
        <Search size={16} aria-hidden />
        <input
          role="combobox"
          aria-label="Search or jump"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={shown[active] ? `${id}-${active}` : undefined}
          aria-autocomplete="list"
          placeholder="Page, action, service, trace id, or text to search for"
          spellCheck={false}
          autoComplete="off"
          value={text}
          onKeyDown={onKey}
          onChange={(event) => {
            setText(event.target.value);
            setActive(0);
          }}
        />
      </div>
      <div ref={list} id={id} role="listbox" aria-label="Results" className={styles.list}>
        {shown.map((command, at) => (
          <Entry
            key={command.id}
            id={`${id}-${at}`}
            at={at}
            command={command}
            active={at === active}
            first={shown[at - 1]?.group !== command.group}
            onPoint={() => setActive(at)}
            onRun={() => run(command)}
          />
        ))}
        {shown.length === 0 && <p className={styles.none}>Nothing fits</p>}
      </div>
    </Dialog>
  );
}

/** An id leads; searching for the words comes after what is called so. */
function placed(asked: Command[], found: Command[]): Command[] {
  return asked[0]?.group === "Jump" ? [...asked, ...found] : [...found, ...asked];
}

interface EntryProps {
  id: string;
  at: number;
  command: Command;
  active: boolean;
  first: boolean;
  onPoint(): void;
  onRun(): void;
}

function Entry({ id, at, command, active, first, onPoint, onRun }: EntryProps) {
  return (
    <>
      {first && (
        <div className={styles.group} role="presentation">
          {command.group}
        </div>
      )}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are the field's, as in any combobox */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus */}
      <div
        id={id}
        role="option"
        aria-selected={active}
        data-at={at}
        className={styles.entry}
        onMouseMove={onPoint}
        onClick={onRun}
      >
        {command.service === undefined ? (
          <span>{command.name}</span>
        ) : (
          <ServiceTick name={command.service} />
        )}
        {command.detail && <small>{command.detail}</small>}
        {command.keys && <kbd>{keySigns(command.keys).join(" ")}</kbd>}
      </div>
    </>
  );
}

function useCommands(text: string): { asked: Command[]; all: Command[] } {
  const navigate = useNavigate();
  const bindings = useBindings();
  const recent = useRecent();
  const slots = useQuery(slotsQuery()).data?.slots;
  return useMemo(() => {
    const pages: Command[] = PAGES.map(({ to, name, about, keys }) => ({
      id: `page ${to}`,
      group: "Pages",
      name,
      detail: about,
      keys,
      run: () => void navigate({ to }),
    }));
    pages.push({
      id: "page onboarding",
      group: "Pages",
      name: "Send data",
      detail: "How to send telemetry here",
      run: () => void navigate({ to: "/onboarding" }),
    });
    const actions: Command[] = bindings
      .filter((binding) => !binding.quiet)
      .map(({ keys, name, run }) => ({ id: `keys ${keys}`, group: "Actions", name, keys, run }));
    for (const theme of ["light", "dark", "system"] as const) {
      actions.push({
        id: `theme ${theme}`,
        group: "Actions",
        name: `Theme: ${theme}`,
        run: () => setTheme(theme),
      });
    }
    const services: Command[] = Object.keys(slots ?? {}).map((service) => ({
      id: `service ${service}`,
      group: "Services",
      name: service,
      service,
      run: () => void navigate({ to: "/services", search: { service } }),
    }));
    const visited: Command[] = recent.map(({ href, name }) => ({
      id: `recent ${href}`,
      group: "Recent",
      name,
      run: () => void navigate({ href } as never),
    }));
    return {
      asked: askedFor(text, navigate),
      all: [...visited, ...pages, ...services, ...actions],
    };
  }, [text, navigate, bindings, recent, slots]);
}

/** What the text itself asks for: an id to open, words to search. */
function askedFor(text: string, navigate: ReturnType<typeof useNavigate>): Command[] {
  const typed = text.trim();
  if (typed === "") return [];
  const found = idOf(typed);
  if (found?.kind === "trace") {
    const run = () => void navigate({ to: "/traces/$id", params: { id: found.id } });
    return [{ id: "open trace", group: "Jump", name: `Open trace ${found.id}`, run }];
  }
  const search = (to: "/traces" | "/logs", q: string, name: string): Command => ({
    id: `search ${to}`,
    group: found ? "Jump" : "Search",
    name,
    run: () => void navigate({ to, search: { q } as never }),
  });
  if (found) return [search("/traces", `span:${found.id}`, `Find span ${found.id}`)];
  return [
    search("/traces", typed, `Search traces for “${typed}”`),
    search("/logs", typed, `Search logs for “${typed}”`),
  ];
}
