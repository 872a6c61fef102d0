import { Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { readSaved, save } from "../kit/saved";
import { useStore } from "../kit/store";
import { TooltipProvider } from "../kit/Tooltip";
import { copyText } from "../kit/Values";
import { announce, announced } from "./announce";
import { useKeyListener, useKeys } from "./keys";
import { Offline } from "./Offline";
import { Palette } from "./Palette";
import { PAGES } from "./pages";
import { Rail } from "./Rail";
import { followPages } from "./recent";
import { useAutoRefresh } from "./refresh";
import styles from "./Shell.module.css";
import { TokenDialog } from "./TokenDialog";
import { TopBar } from "./TopBar";
import { useValueKeys } from "./valuekeys";

const Help = lazy(() => import("./Help"));

type Layer = "palette" | "help" | null;
type Density = "compact" | "comfortable";

/** What surrounds every page. */
export function Shell() {
  const [layer, setLayer] = useState<Layer>(null);
  const [wide, setWide] = useState(() => readSaved("rail", innerWidth >= 1440));
  const [density, setDensity] = useState<Density>(() => readSaved("density", "compact"));
  useEffect(() => save("rail", wide), [wide]);
  useEffect(() => {
    save("density", density);
    document.documentElement.dataset["density"] = density;
  }, [density]);
  const router = useRouter();
  useEffect(() => followPages(router), [router]);
  useKeyListener();
  useAutoRefresh();
  useShellKeys(setLayer);
  useValueKeys();
  const close = () => setLayer(null);
  return (
    <TooltipProvider>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <div className={styles.shell}>
        <Rail
          wide={wide}
          onWide={setWide}
          density={density}
          onDensity={setDensity}
          onHelp={() => setLayer("help")}
        />
        <div className={styles.column}>
          <TopBar onPalette={() => setLayer("palette")} />
          <Offline />
          <main className={styles.main} id="main" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      <LiveRegion />
      <TokenDialog />
      {layer === "palette" && <Palette onClose={close} />}
      <Suspense>{layer === "help" && <Help onClose={close} />}</Suspense>
    </TooltipProvider>
  );
}

function LiveRegion() {
  return (
    <div role="status" className="hidden-text">
      {useStore(announced)}
    </div>
  );
}

function useShellKeys(setLayer: (layer: Layer) => void): void {
  const navigate = useNavigate();
  const router = useRouter();
  useKeys([
    {
      keys: "mod+k",
      name: "Command palette: search or jump",
      group: "Anywhere",
      inFields: true,
      quiet: true,
      run: () => setLayer("palette"),
    },
    { keys: "?", name: "Help and keys", group: "Anywhere", run: () => setLayer("help") },
    { keys: "/", name: "To the query", group: "Anywhere", quiet: true, run: focusQuery },
    {
      keys: "y",
      name: "Copy the link to this page",
      group: "Anywhere",
      run: () =>
        void copyText(location.href).then((done) =>
          announce(done ? "Link copied" : "The link could not be copied"),
        ),
    },
    {
      keys: "Escape",
      name: "Back to the page",
      group: "Anywhere",
      inFields: true,
      quiet: true,
      run: leaveField,
    },
    ...PAGES.map(({ to, name, keys }) => ({
      keys,
      name: `Go to ${name}`,
      group: "Go",
      quiet: true,
      run: () => void navigate({ to }),
    })),
    {
      keys: "g b",
      name: "Go back",
      group: "Go",
      quiet: true,
      run: () => router.history.back(),
    },
  ]);
}

/** The field of the page's query; on pages without one, its first field. */
function focusQuery(): void {
  const field =
    document.querySelector<HTMLElement>("main [data-query]") ??
    document.querySelector<HTMLElement>('main input:not([type="checkbox"]), main [role="textbox"]');
  field?.focus();
}

function leaveField(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}
