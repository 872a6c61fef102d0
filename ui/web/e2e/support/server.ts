// The real `oriel` binary on free loopback ports with a data directory of its own.
// Waits by reading what the server prints, never by sleeping.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** Root of the repository. */
export const ROOT = resolve(import.meta.dirname, "../../../..");

/** The binary under test; run.sh names it. */
const BINARY = process.env.ORIEL_BIN ?? join(ROOT, "target/ci/oriel");

/** The server refuses variables with its prefix that it does not know, such as those of the tests. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("ORIEL_")),
);

/** How long a start may take on a busy machine. */
const PATIENCE_MS = 120_000;

/** A running server. */
export class Server {
  private constructor(
    readonly url: string,
    readonly otlpUrl: string,
    private readonly child: ChildProcess,
    private readonly dir: string,
  ) {}

  /** Starts a server on an empty store; `args` are further flags. */
  static async start(...args: string[]): Promise<Server> {
    const dir = mkdtempSync(join(tmpdir(), "oriel-e2e-"));
    const any = "127.0.0.1:0";
    const ports = ["--otlp-grpc", any, "--otlp-http", any, "--http", any];
    const child = spawn(BINARY, ["--data-dir", join(dir, "data"), ...ports, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env,
    });
    const banner: string[] = [];
    await new Promise<void>((ready, failed) => {
      const gaveUp = () => failed(new Error(`oriel did not become ready:\n${banner.join("\n")}`));
      const timer = setTimeout(gaveUp, PATIENCE_MS);
      child.once("error", failed);
      child.once("exit", gaveUp);
      // Read to the end, so that the server never waits for its log to be taken.
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", (line) => {
        banner.push(line);
        if (!line.trimStart().startsWith("Ready")) return;
        clearTimeout(timer);
        child.removeListener("exit", gaveUp);
        ready();
      });
    });
    const address = (label: string) => {
      const line = banner.find((text) => text.trim().startsWith(label));
      if (!line) throw new Error(`no address of ${label} in:\n${banner.join("\n")}`);
      const at = line.trim().slice(label.length).trim();
      return at.startsWith("http") ? at : `http://${at}`;
    };
    return new Server(address("UI and API"), address("OTLP/HTTP"), child, dir);
  }

  /** Sends recorded OTLP files with `oriel send`. */
  send(files: string[], ...args: string[]): void {
    const done = spawnSync(BINARY, ["send", "--http", this.otlpUrl, ...args, ...files], {
      encoding: "utf8",
      env,
    });
    if (done.status !== 0) throw new Error(`oriel send failed: ${done.stderr}`);
  }

  /** Sends the recorded web shop (tests/data/shop) with the times it was recorded at. */
  sendShop(): void {
    const data = join(ROOT, "tests/data/shop");
    this.send(["traces", "logs", "metrics"].map((name) => join(data, `${name}.binpb.zst`)));
  }

  /** Posts one OTLP/JSON request; returns status and body. */
  async post(signal: "traces" | "logs" | "metrics", request: unknown): Promise<Response> {
    return fetch(`${this.otlpUrl}/v1/${signal}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof request === "string" ? request : JSON.stringify(request),
    });
  }

  /** Posts one OTLP/JSON request that must be taken whole. */
  async export(signal: "traces" | "logs" | "metrics", request: unknown): Promise<void> {
    const answer = await this.post(signal, request);
    const text = await answer.text();
    if (!answer.ok || text.includes("partialSuccess")) {
      throw new Error(`export refused: ${answer.status} ${text}`);
    }
  }

  /** Resident memory of the server's process, in bytes. */
  pid(): number {
    return this.child.pid ?? 0;
  }

  /** Ends the server and removes its data. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((done) => this.child.once("exit", done));
      this.child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
