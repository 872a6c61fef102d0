import { describe, expect, it } from "vitest";
import {
  barShare,
  durationTerm,
  pastedTraceId,
  readDuration,
  topServices,
  withDurations,
} from "./model";

describe("durations as filters", () => {
  it("are exact, in the largest unit they fill", () => {
    expect([10e6, 12_589_255, 1e9, 1_000_000_001, 999, 1_500, 0].map(durationTerm)).toEqual([
      "10ms",
      "12.589255ms",
      "1s",
      "1.000000001s",
      "999ns",
      "1.5us",
      "0ns",
    ]);
  });

  it("replace the bounds of their own lens only", () => {
    const q = "service:cart duration>5ms trace.duration>1s";
    expect(withDurations(q, "traces", { min: 2e9, max: 3e9 })).toBe(
      "service:cart duration>5ms trace.duration>=2s trace.duration<3s",
    );
    expect(withDurations(q, "spans", { min: null, max: null })).toBe(
      "service:cart trace.duration>1s",
    );
  });

  it("are read from what a person types", () => {
    expect(["250 ms", "1.5s", "800", "2 µs", "1,5 s", "1h", ""].map(readDuration)).toEqual([
      250e6,
      1.5e9,
      800e6,
      2e3,
      1.5e9,
      3600e9,
      null,
    ]);
    expect(["soon", "5 parsecs", "-1s"].map(readDuration)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("rows", () => {
  it("scale bars by the longest", () => {
    expect(barShare(50, 100)).toBe(0.5);
    expect(barShare(0, 100)).toBe(0.004);
    expect(barShare(5, 0)).toBe(0);
  });

  it("name the largest services first", () => {
    const services = [
      { name: "b", spans: 2 },
      { name: "a", spans: 2 },
      { name: "c", spans: 9 },
    ];
    expect(topServices(services, 2)).toEqual({ shown: [services[2], services[1]], more: 1 });
  });
});

describe("pastedTraceId", () => {
  it("takes the forms ids come in", () => {
    const id = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (const text of [
      id,
      ` ${id.toUpperCase()} `,
      "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
      `00-${id}-00f067aa0ba902b7-01`,
      `trace:${id}`,
    ]) {
      expect(pastedTraceId(text)).toBe(id);
    }
    for (const text of ["", "0".repeat(32), "service:cart", id.slice(1), `${id}0`]) {
      expect(pastedTraceId(text)).toBeNull();
    }
  });
});
