import "./kit/tokens.css";
import "./kit/global.css";
import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { router } from "./app/router";
import { cspNonce } from "./kit/nonce";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      gcTime: 60_000,
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      // What the server refuses it refuses again; what did not reach it may yet.
      retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 30,
      retryDelay: (count) => Math.min(1000 * 1.5 ** count, 5000),
      networkMode: "always",
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider nonce={cspNonce()}>
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
