// The page's only script: live figures from /api/v1/status, and SQL by POST /api/v1/sql.
// What comes from the server is shown with textContent only.
"use strict";

const byId = (id) => document.getElementById(id);
const ROWS_SHOWN = 1000;
const EXAMPLES = [
  ["Newest spans", "SELECT start_time, service_name, name, duration / 1e6 AS ms, status_code\nFROM spans\nORDER BY start_time DESC\nLIMIT 50"],
  ["Services", "SELECT service_name, count(*) AS spans,\n       approx_percentile_cont(duration, 0.99) / 1e6 AS p99_ms\nFROM spans\nGROUP BY service_name\nORDER BY spans DESC"],
  ["Routes", "SELECT service_name, attributes['http.route'] AS route, count(*) AS requests,\n       avg(duration) / 1e6 AS mean_ms\nFROM spans\nWHERE kind = 'SERVER'\nGROUP BY 1, 2\nORDER BY requests DESC"],
  ["Newest logs", "SELECT timestamp, service_name, severity_text, body, trace_id\nFROM logs\nORDER BY timestamp DESC\nLIMIT 50"],
  ["Metrics", "SELECT name, type, unit, count(*) AS points, max(time) AS newest\nFROM metrics\nGROUP BY 1, 2, 3\nORDER BY name"],
];

const templates = new Map();
for (const element of document.querySelectorAll("[data-snippet]")) {
  templates.set(element, element.textContent);
}

function headers(more) {
  const token = sessionStorage.getItem("token");
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${count.toFixed(unit ? 1 : 0)} ${units[unit]}`;
}

function showState(good, text) {
  byId("dot").className = good ? "dot good" : "dot bad";
  byId("state").textContent = text;
}

// The addresses as the server knows them, with the host that this page was asked of.
function showAddresses(status) {
  const at = (address) => {
    const host = location.hostname || "127.0.0.1";
    return `${host}:${address.slice(address.lastIndexOf(":") + 1)}`;
  };
  const grpc = at(status.otlp_grpc);
  const otlp = `http://${at(status.otlp_http)}`;
  byId("grpc").textContent = grpc;
  byId("otlp").textContent = otlp;
  for (const [pre, text] of templates) {
    pre.textContent = text.replaceAll("{grpc}", grpc).replaceAll("{otlp}", otlp);
  }
}

function showFigures(store) {
  const figures = [
    ["rows in files", store.part_rows.toLocaleString()],
    ["rows in memory", store.buffer_rows.toLocaleString()],
    ["files", store.parts.toLocaleString()],
    ["size of files", bytes(store.part_bytes)],
    ["log not flushed", bytes(store.wal_bytes)],
    ["disk free", bytes(store.disk_free_bytes)],
  ];
  byId("figures").replaceChildren(
    ...figures.map(([label, value]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", label), element("dd", value));
      return pair;
    }),
  );
}

async function refresh() {
  try {
    const answer = await fetch("/api/v1/status", { headers: headers({}) });
    if (answer.status === 401) {
      byId("token-row").hidden = false;
      showState(false, "this server wants a token: enter it below");
      return;
    }
    const status = await answer.json();
    showState(status.ready, status.ready ? `ready, version ${status.version}` : status.reason);
    showAddresses(status);
    if (status.store) showFigures(status.store);
  } catch {
    showState(false, "the server does not answer");
  }
}

function showError(error, sql) {
  const lines = [error.message];
  const place = error.position;
  if (place && place.line) {
    lines.push("", sql.split("\n")[place.line - 1] ?? "", `${" ".repeat(place.column - 1)}^`);
  }
  if (error.hint) lines.push("", error.hint);
  byId("error").textContent = lines.join("\n");
  byId("error").hidden = false;
}

function showAnswer(answer) {
  const numbers = answer.columns.map((column) => /^(u?int\d|float|double|decimal)/i.test(column.type));
  const head = document.createElement("tr");
  head.append(...answer.columns.map((column, i) => element("th", column.name, numbers[i] ? "number" : "")));
  const rows = answer.rows.slice(0, ROWS_SHOWN).map((row) => {
    const line = document.createElement("tr");
    line.append(
      ...row.map((value, i) => {
        if (value === null) return element("td", "NULL", "null");
        const text = typeof value === "object" ? JSON.stringify(value) : String(value);
        return element("td", text, numbers[i] ? "number" : "");
      }),
    );
    return line;
  });
  byId("answer").replaceChildren(head, ...rows);
  const plain = Object.entries(answer.receipt ?? {}).filter(([, value]) => typeof value !== "object");
  const hidden = answer.rows.length - rows.length;
  byId("receipt").textContent = [
    hidden > 0 ? `first ${ROWS_SHOWN} of ${answer.rows.length} rows shown` : `${answer.rows.length} rows`,
    ...plain.map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`),
  ].join(" · ");
}

async function ask(event) {
  event.preventDefault();
  const sql = byId("sql").value;
  byId("error").hidden = true;
  byId("answer").replaceChildren();
  byId("receipt").textContent = "running…";
  byId("run").disabled = true;
  try {
    const answer = await fetch("/api/v1/sql", {
      method: "POST",
      headers: headers({ "Content-Type": "application/json", Accept: "application/json" }),
      body: JSON.stringify({ sql }),
    });
    const body = await answer.json();
    byId("receipt").textContent = "";
    if (answer.status === 401) byId("token-row").hidden = false;
    // An answer that broke off is a 200 that ends in an error.
    if (answer.ok && !body.error) showAnswer(body);
    else showError(body.error, sql);
  } catch (error) {
    byId("receipt").textContent = "";
    showError({ message: `no answer: ${error.message}` }, sql);
  } finally {
    byId("run").disabled = false;
  }
}

for (const [label, sql] of EXAMPLES) {
  const button = element("button", label);
  button.type = "button";
  button.addEventListener("click", () => {
    byId("sql").value = sql;
    byId("ask").requestSubmit();
  });
  byId("examples").append(button);
}
byId("sql").value = EXAMPLES[0][1];
byId("ask").addEventListener("submit", ask);
byId("sql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});
byId("token").addEventListener("change", () => {
  sessionStorage.setItem("token", byId("token").value);
  refresh();
});
refresh();
setInterval(() => {
  if (!document.hidden) refresh();
}, 2000);
