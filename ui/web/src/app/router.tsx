/** Routes: each page is a folder and a chunk of its own. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from "@tanstack/react-router";
import { servicesSearch } from "../home/search";
import { logsSearch } from "../logs/search";
import { metricsSearch } from "../metrics/search";
import { sqlSearch } from "../sql/search";
import { statusSearch } from "../status/search";
import { traceSearch } from "../trace/search";
import { tracesSearch } from "../traces/search";
import { followHistory } from "./clock";
import { CONTEXT_KEYS, validateContext } from "./context";
import { NotFound } from "./NotFound";
import { PageError } from "./PageError";
import { parseSearch, stringifySearch } from "./params";
import { Shell } from "./Shell";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: PageError,
  validateSearch: validateContext,
  search: { middlewares: [retainSearchParams([...CONTEXT_KEYS])] },
});

const child = { getParentRoute: () => root } as const;

const home = createRoute({
  ...child,
  path: "/",
  validateSearch: servicesSearch,
  component: lazyRouteComponent(() => import("../home/Page"), "Page"),
});
const onboarding = createRoute({
  ...child,
  path: "/onboarding",
  component: lazyRouteComponent(() => import("../onboarding/Page"), "Page"),
});
const traces = createRoute({
  ...child,
  path: "/traces",
  validateSearch: tracesSearch,
  component: lazyRouteComponent(() => import("../traces/Page"), "Page"),
});
const trace = createRoute({
  ...child,
  path: "/traces/$id",
  validateSearch: traceSearch,
  component: lazyRouteComponent(() => import("../trace/Page"), "Page"),
});
const logs = createRoute({
  ...child,
  path: "/logs",
  validateSearch: logsSearch,
  component: lazyRouteComponent(() => import("../logs/Page"), "Page"),
});
const metrics = createRoute({
  ...child,
  path: "/metrics",
  validateSearch: metricsSearch,
  component: lazyRouteComponent(() => import("../metrics/Page"), "Page"),
});
const sql = createRoute({
  ...child,
  path: "/sql",
  validateSearch: sqlSearch,
  component: lazyRouteComponent(() => import("../sql/Page"), "Page"),
});
const status = createRoute({
  ...child,
  path: "/status",
  validateSearch: statusSearch,
  component: lazyRouteComponent(() => import("../status/Page"), "Page"),
});
const services = createRoute({
  ...child,
  path: "/services",
  validateSearch: servicesSearch,
  component: lazyRouteComponent(() => import("../services/Page"), "Page"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    onboarding,
    traces,
    trace,
    logs,
    metrics,
    sql,
    status,
    services,
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultErrorComponent: PageError,
});

followHistory(router.history);

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
