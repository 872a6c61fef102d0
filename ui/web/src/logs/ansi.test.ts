import { describe, expect, it } from "vitest";
import { hasAnsi, parseAnsi, stripAnsi } from "./ansi";

const ESC = "\u001b";

describe("parseAnsi", () => {
  it("leaves plain text in one run", () => {
    expect(parseAnsi("plain <b>text</b>")).toEqual([{ text: "plain <b>text</b>", classes: [] }]);
    expect(parseAnsi("")).toEqual([]);
  });

  it("gives colours and weights as classes, and ends them", () => {
    expect(parseAnsi(`${ESC}[1;31mERROR${ESC}[0m done`)).toEqual([
      { text: "ERROR", classes: ["fg-red", "bold"] },
      { text: " done", classes: [] },
    ]);
    expect(parseAnsi(`${ESC}[4;32;41ma${ESC}[24;39mb${ESC}[49mc`)).toEqual([
      { text: "a", classes: ["fg-green", "bg-red", "underline"] },
      { text: "b", classes: ["bg-red"] },
      { text: "c", classes: [] },
    ]);
  });

  it("reads an empty reset, bright colours, and joins runs of one style", () => {
    expect(parseAnsi(`${ESC}[91mx${ESC}[31my${ESC}[mz`)).toEqual([
      { text: "xy", classes: ["fg-red"] },
      { text: "z", classes: [] },
    ]);
  });

  it("maps 256 and 24-bit colours to the nearest name", () => {
    expect(parseAnsi(`${ESC}[38;5;196mr`)[0]?.classes).toEqual(["fg-red"]);
    expect(parseAnsi(`${ESC}[38;2;10;200;220mc`)[0]?.classes).toEqual(["fg-cyan"]);
    expect(parseAnsi(`${ESC}[48;5;240;1mg`)[0]?.classes).toEqual(["bg-white", "bold"]);
    expect(parseAnsi(`${ESC}[38;2;5;5;5mk`)[0]?.classes).toEqual(["fg-black"]);
  });

  it("drops other sequences and keeps their text", () => {
    expect(parseAnsi(`a${ESC}[2Jb${ESC}[10;5Hc`)).toEqual([{ text: "abc", classes: [] }]);
    expect(parseAnsi(`${ESC}]8;;javascript:alert(1)\u0007link${ESC}]8;;\u0007`)).toEqual([
      { text: "link", classes: [] },
    ]);
    expect(parseAnsi(`${ESC}]0;title${ESC}\\x`)).toEqual([{ text: "x", classes: [] }]);
  });

  it("does not choke on what is cut or unknown", () => {
    expect(parseAnsi(`a${ESC}`)).toEqual([{ text: `a${ESC}`, classes: [] }]);
    expect(parseAnsi(`a${ESC}[31`)).toEqual([{ text: `a${ESC}[31`, classes: [] }]);
    expect(parseAnsi(`${ESC}[999;38;7mx`)).toEqual([{ text: "x", classes: ["inverse"] }]);
  });

  it("is linear on a megabyte of escapes", () => {
    // The quickest of a few: other work on the machine only adds.
    const quickest = (text: string) =>
      Math.min(
        ...Array.from({ length: 5 }, () => {
          const start = performance.now();
          parseAnsi(text);
          return performance.now() - start;
        }),
      );
    for (const code of [`${ESC}]`, `${ESC}[1m`]) {
      const quarter = quickest(code.repeat(62_500));
      // Four times the text: four times as long, where squared it would be sixteen.
      expect(quickest(code.repeat(250_000))).toBeLessThan(10 * quarter + 20);
    }
  });
});

describe("stripAnsi", () => {
  it("leaves the readable text", () => {
    expect(stripAnsi(`${ESC}[1mbold${ESC}[0m`)).toBe("bold");
    expect(stripAnsi("none")).toBe("none");
    expect(hasAnsi("none")).toBe(false);
    expect(hasAnsi(`${ESC}[0m`)).toBe(true);
  });
});
