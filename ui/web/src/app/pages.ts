/** The pages of the rail, in its order. */
import {
  ChartLine,
  ChartNoAxesGantt,
  Database,
  House,
  type LucideIcon,
  ScrollText,
  Server,
  Waypoints,
} from "lucide-react";

export interface PageEntry {
  to: "/" | "/traces" | "/logs" | "/metrics" | "/services" | "/sql" | "/status";
  name: string;
  icon: LucideIcon;
  keys: string;
  /** What it answers, for the palette and tooltips. */
  about: string;
}

export const PAGES: readonly PageEntry[] = [
  { to: "/", name: "Home", icon: House, keys: "g h", about: "Services, and what changed" },
  {
    to: "/traces",
    name: "Traces",
    icon: ChartNoAxesGantt,
    keys: "g t",
    about: "Search traces and spans",
  },
  { to: "/logs", name: "Logs", icon: ScrollText, keys: "g l", about: "Search and follow logs" },
  { to: "/metrics", name: "Metrics", icon: ChartLine, keys: "g m", about: "Catalogue and charts" },
  {
    to: "/services",
    name: "Services",
    icon: Waypoints,
    keys: "g s",
    about: "Services and their operations",
  },
  { to: "/sql", name: "SQL", icon: Database, keys: "g q", about: "Ask in SQL" },
  {
    to: "/status",
    name: "Status",
    icon: Server,
    keys: "g i",
    about: "What arrives, what is refused, how Oriel is doing",
  },
];
