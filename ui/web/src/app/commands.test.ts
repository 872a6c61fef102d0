import { expect, test } from "vitest";
import { type Command, fitting, idOf, rank } from "./commands";

test("pasted ids are recognised in their usual clothes", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  expect(idOf(` ${id.toUpperCase()} `)).toEqual({ kind: "trace", id });
  expect(idOf("4bf92f35-77b3-4da6-a3ce-929d0e0e4736")).toEqual({ kind: "trace", id });
  expect(idOf(`00-${id}-00f067aa0ba902b7-01`)).toEqual({ kind: "trace", id });
  expect(idOf("00f067aa0ba902b7")).toEqual({ kind: "span", id: "00f067aa0ba902b7" });
  expect(idOf("checkout")).toBeNull();
});

test("beginnings fit better than middles, those better than letters", () => {
  expect(rank("Go to Traces", "go")).toBeGreaterThan(rank("Go to Traces", "tra"));
  expect(rank("Go to Traces", "tra")).toBeGreaterThan(rank("Go to Traces", "race"));
  expect(rank("Go to Traces", "race")).toBeGreaterThan(rank("Go to Traces", "gtt"));
  expect(rank("Go to Traces", "xyz")).toBe(0);
});

test("groups keep their order and have at most so many", () => {
  const command = (group: string, name: string): Command => ({ id: name, group, name, run() {} });
  const all = [command("Pages", "Logs"), command("Actions", "Log out"), command("Pages", "Blog")];
  expect(fitting(all, "log", 5).map(({ name }) => name)).toEqual(["Logs", "Blog", "Log out"]);
  expect(fitting(all, "log", 1).map(({ name }) => name)).toEqual(["Logs", "Log out"]);
});
