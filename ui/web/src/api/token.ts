/** The bearer token, kept for this tab; requests that need one wait until it was given. */
import { createStore } from "../kit/store";

const KEY = "oriel.token";

export interface TokenRequest {
  /** Whether a token was sent and not accepted. */
  wrong: boolean;
}

/** Set while the server wants a token that it was not given. */
export const tokenRequest = createStore<TokenRequest | null>(null);

let waiting: (() => void)[] = [];

export function savedToken(): string | null {
  return sessionStorage.getItem(KEY);
}

/** Resolves once a token other than `refused` is there. */
export function askToken(refused: string | null, signal: AbortSignal | null): Promise<void> {
  if (savedToken() !== refused) return Promise.resolve();
  if (tokenRequest.get() === null) tokenRequest.set({ wrong: refused !== null });
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

export function giveToken(token: string): void {
  sessionStorage.setItem(KEY, token);
  tokenRequest.set(null);
  const resumed = waiting;
  waiting = [];
  for (const resume of resumed) resume();
}
