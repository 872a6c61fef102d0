import { Link } from "@tanstack/react-router";
import { CircleHelp, Monitor, Moon, PanelLeft, PanelLeftClose, Plug, Sun } from "lucide-react";
import { Menu, type MenuItem } from "../kit/Menu";
import { Tooltip } from "../kit/Tooltip";
import { setTheme, type ThemeChoice, useThemeChoice } from "../kit/theme";
import { keySigns } from "./chords";
import { PAGES } from "./pages";
import styles from "./Rail.module.css";

interface Props {
  wide: boolean;
  onWide(wide: boolean): void;
  density: "compact" | "comfortable";
  onDensity(density: "compact" | "comfortable"): void;
  onHelp(): void;
}

const THEMES: [ThemeChoice, string][] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];
const ICON = { size: 18, strokeWidth: 1.75, "aria-hidden": true } as const;

/** The pages, and how the interface looks. */
export function Rail({ wide, onWide, density, onDensity, onHelp }: Props) {
  const theme = useThemeChoice();
  const ThemeIcon = theme === "light" ? Sun : theme === "dark" ? Moon : Monitor;
  const looks: (MenuItem | null)[] = [
    ...THEMES.map(([value, text]) => ({
      text,
      detail: value === theme ? "✓" : "",
      onSelect: () => setTheme(value),
    })),
    null,
    ...(["compact", "comfortable"] as const).map((value) => ({
      text: value === "compact" ? "Compact rows" : "Comfortable rows",
      detail: value === density ? "✓" : "",
      onSelect: () => onDensity(value),
    })),
  ];
  return (
    <nav className={styles.rail} aria-label="Pages" data-wide={wide || undefined}>
      <Link to="/" className={styles.brand} search={keep}>
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden>
          <path d="M3 16V9a7 7 0 0 1 14 0v7M10 2v14M3 9h14M2 16.500h16" />
        </svg>
        <span className={styles.name}>Oriel</span>
      </Link>
      {PAGES.map(({ to, name, icon: Icon, keys, about }) => (
        <Tooltip key={to} side="right" text={wide ? about : name} keys={keySigns(keys).join(" ")}>
          <Link
            to={to}
            search={keep}
            className={styles.link}
            activeOptions={{ exact: to === "/", includeSearch: false }}
          >
            <Icon {...ICON} />
            <span className={styles.name}>{name}</span>
          </Link>
        </Tooltip>
      ))}
      <div className={styles.space} />
      <Tooltip side="right" text="How to send telemetry here">
        <Link to="/onboarding" search={keep} className={styles.link}>
          <Plug {...ICON} />
          <span className={styles.name}>Send data</span>
        </Link>
      </Tooltip>
      <Menu
        items={looks}
        trigger={
          <button type="button" className={styles.link}>
            <ThemeIcon {...ICON} />
            <span className={styles.name}>Appearance</span>
          </button>
        }
      />
      <Tooltip side="right" text="Help and keys" keys="?">
        <button type="button" className={styles.link} onClick={onHelp}>
          <CircleHelp {...ICON} />
          <span className={styles.name}>Help</span>
        </button>
      </Tooltip>
      <Tooltip side="right" text={wide ? "Narrow" : "With names"}>
        <button type="button" className={styles.link} onClick={() => onWide(!wide)}>
          {wide ? <PanelLeftClose {...ICON} /> : <PanelLeft {...ICON} />}
          <span className={styles.name}>{wide ? "Narrow" : "With names"}</span>
        </button>
      </Tooltip>
    </nav>
  );
}

/** The context goes along by itself; keys of the page that is left do not. */
const keep = {} as const;
