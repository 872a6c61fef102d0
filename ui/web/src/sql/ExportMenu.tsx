/** Takes an answer along: whole from the server, or the rows that are here. */
import { Download } from "lucide-react";
import { request } from "../api/client";
import { Button } from "../kit/Button";
import { Menu } from "../kit/Menu";
import { copyText } from "../kit/Values";
import { toCsv, toJson, toMarkdown } from "./export";
import type { Run } from "./run";

type Format = "csv" | "json" | "parquet" | "arrow" | "ndjson";

type Props = { run: Run; onSaid(text: string): void };

export function ExportMenu({ run, onSaid }: Props) {
  const rows = () => run.rows.slice(0, run.count);

  async function download(format: Format) {
    onSaid(`Fetching the answer as ${format}…`);
    try {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ sql: run.sql });
      const response = await request("sql", { method: "POST", headers, body }, { format });
      save(await response.blob(), `oriel.${format}`);
      onSaid(`Saved oriel.${format}`);
    } catch (error) {
      onSaid(error instanceof Error ? error.message : String(error));
    }
  }

  async function copy(text: string, what: string) {
    onSaid(
      (await copyText(text))
        ? `Copied ${run.count} rows as ${what}`
        : "The clipboard is not open to this page",
    );
  }

  function markdown() {
    const text = toMarkdown(run.columns, rows());
    save(new Blob([text], { type: "text/markdown" }), "oriel.md");
    onSaid("Saved oriel.md");
  }

  const whole = (text: string, format: Format) => ({
    text,
    detail: `.${format}`,
    onSelect: () => void download(format),
  });
  return (
    <Menu
      align="end"
      trigger={<Button icon={<Download size={14} aria-hidden />}>Export</Button>}
      items={[
        whole("Download CSV", "csv"),
        whole("Download JSON", "json"),
        whole("Download NDJSON", "ndjson"),
        whole("Download Parquet", "parquet"),
        whole("Download Arrow", "arrow"),
        { text: "Download Markdown", detail: ".md", onSelect: markdown },
        null,
        { text: "Copy as CSV", onSelect: () => void copy(toCsv(run.columns, rows()), "CSV") },
        { text: "Copy as JSON", onSelect: () => void copy(toJson(run.columns, rows()), "JSON") },
        {
          text: "Copy as Markdown",
          onSelect: () => void copy(toMarkdown(run.columns, rows()), "Markdown"),
        },
      ]}
    />
  );
}

function save(blob: Blob, name: string) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
