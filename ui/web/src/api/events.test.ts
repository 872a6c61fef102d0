import { expect, test } from "vitest";
import { EventReader } from "./events";

test("events that come in pieces are whole once their blank line is there", () => {
  const reader = new EventReader();
  expect(reader.push('event: arrived\ndata: {"a":')).toEqual([]);
  expect(reader.push("1}\n\n: ping\n\ndata: x\ndata: y\n\nevent: re")).toEqual([
    { event: "arrived", data: '{"a":1}' },
    { event: "message", data: "x\ny" },
  ]);
});
