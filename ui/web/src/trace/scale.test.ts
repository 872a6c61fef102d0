import { describe, expect, test } from "vitest";
import { panBy, parseView, tickLabel, tickStep, ticks, viewText, within, zoomBy } from "./scale";

describe("ticks", () => {
  test("steps read well", () => {
    expect([1, 3, 7, 150, 4e8, 1.2e9].map(tickStep)).toEqual([1, 5, 10, 200, 5e8, 2e9]);
    expect([25e9, 40e9, 8e10, 4e12].map(tickStep)).toEqual([30e9, 60e9, 120e9, 7200e9]);
  });

  test("labels carry the digits the step needs", () => {
    const { step, at } = ticks({ from: 0, to: 4.02e9 }, 8);
    expect(at.map((value) => tickLabel(value, step))).toEqual(["0", "1 s", "2 s", "3 s", "4 s"]);
    expect(tickLabel(2.00042e9, 20e3)).toBe("2.00042 s");
    expect(tickLabel(500e6, 500e6)).toBe("500 ms");
    expect(tickLabel(90e9, 30e9)).toBe("1 min 30 s");
    expect(tickLabel(7200e9, 3600e9)).toBe("2 h");
    expect(tickLabel(250, 50)).toBe("250 ns");
  });
});

describe("view", () => {
  const bounds = { from: 0, to: 1000 };

  test("zooming keeps the anchor in place", () => {
    const view = zoomBy(bounds, bounds, 0.5, 250);
    expect(view).toEqual({ from: 125, to: 625 });
    expect((250 - view.from) / (view.to - view.from)).toBe(0.25);
    expect(zoomBy(view, bounds, 100, 250)).toEqual(bounds);
    expect(zoomBy(bounds, bounds, 1e-9, 500)).toEqual({ from: 495, to: 505 });
  });

  test("panning stops at the ends", () => {
    expect(panBy({ from: 100, to: 300 }, bounds, -500)).toEqual({ from: 0, to: 200 });
    expect(panBy({ from: 100, to: 300 }, bounds, 5000)).toEqual({ from: 800, to: 1000 });
    expect(within({ from: -5, to: 5000 }, bounds)).toEqual(bounds);
  });

  test("the URL text there and back; nonsense is no view", () => {
    expect(parseView(viewText({ from: 100.4, to: 300 }), bounds)).toEqual({ from: 100, to: 300 });
    for (const text of [undefined, "", "5", "9-3", "a-b", "1-2-3"])
      expect(parseView(text, bounds)).toBeNull();
  });
});
