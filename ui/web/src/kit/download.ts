/** Saves what the server streams as a file. */
import { type Params, request, url } from "../api/client";
import { savedToken } from "../api/token";

/**
 * Without a token the browser itself reads the answer, straight to the disk; with one it must be
 * sent along, so the answer passes through the page.
 */
export async function download(path: string, params: Params, name: string): Promise<void> {
  if (savedToken() === null) return follow(url(path, params), name);
  const response = await request(path, {}, params);
  const address = URL.createObjectURL(await response.blob());
  follow(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function follow(address: string, name: string) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
