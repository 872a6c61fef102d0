/** Takes all records that match along, as the server writes them. */
import { Download } from "lucide-react";
import type { Filtered } from "../api/types";
import { announce } from "../app/announce";
import { IconButton } from "../kit/Button";
import { download } from "../kit/download";
import { Menu } from "../kit/Menu";

const FORMATS = ["ndjson", "csv", "parquet", "arrow"] as const;
type Format = (typeof FORMATS)[number];
const NAMES: Record<Format, string> = {
  ndjson: "NDJSON",
  csv: "CSV",
  parquet: "Parquet",
  arrow: "Arrow",
};

type Props = { filtered: Filtered; order: "newest" | "oldest"; columns: readonly string[] };

export function ExportMenu({ filtered, order, columns }: Props) {
  const start = (format: Format, chosen: readonly string[]) => {
    const params = { ...filtered, order, format, columns: chosen.join(",") };
    announce(`Export as ${NAMES[format]} started`);
    download("logs/export", params, `logs.${format}`).catch((error: Error) =>
      announce(`The export failed: ${error.message}`),
    );
  };
  const shown = ["timestamp", "level", "service", ...columns, "body"];
  return (
    <Menu
      align="end"
      trigger={<IconButton label="Export" icon={<Download size={16} aria-hidden />} />}
      items={[
        ...FORMATS.map((format) => ({
          text: `All fields as ${NAMES[format]}`,
          detail: `.${format}`,
          onSelect: () => start(format, []),
        })),
        null,
        {
          text: "The columns shown as CSV",
          detail: ".csv",
          onSelect: () => start("csv", shown),
        },
      ]}
    />
  );
}
