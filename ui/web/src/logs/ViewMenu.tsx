/** How rows are shown: wrapped, with more room, to which digit; each also by a key. */
import { Rows3 } from "lucide-react";
import { useKeys } from "../app/keys";
import { IconButton } from "../kit/Button";
import { Menu } from "../kit/Menu";
import type { LogsSearch } from "./search";

type Props = {
  search: Pick<LogsSearch, "wrap" | "density" | "digits">;
  onChange(change: LogsSearch): void;
};

export function ViewMenu({ search, onChange }: Props) {
  const { wrap, density, digits } = search;
  const choices = [
    {
      keys: "w",
      text: "Wrap long lines",
      checked: wrap === true,
      change: { wrap: wrap ? undefined : true },
    },
    {
      keys: "z",
      text: "Comfortable rows",
      checked: density === "comfortable",
      change: { density: density ? undefined : "comfortable" },
    },
    {
      keys: "m",
      text: "Times to the nanosecond",
      checked: digits !== "ms",
      change: { digits: digits ? undefined : "ms" },
    },
  ];
  useKeys(
    choices.map(({ keys, text, change }) => ({
      keys,
      name: `${text}, on or off`,
      group: "List",
      run: () => onChange(change as LogsSearch),
    })),
  );
  return (
    <Menu
      align="end"
      trigger={<IconButton label="Rows" icon={<Rows3 size={16} aria-hidden />} />}
      items={choices.map(({ text, checked, keys, change }) => ({
        text,
        checked,
        detail: keys,
        onSelect: () => onChange(change as LogsSearch),
      }))}
    />
  );
}
