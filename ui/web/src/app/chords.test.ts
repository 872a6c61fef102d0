import { describe, expect, test } from "vitest";
import { type Binding, type Chord, chordText, KeyReader, keySigns } from "./chords";

const chord = (key: string, more: Partial<Chord> = {}): Chord => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

const binding = (keys: string): Binding => ({ keys, name: keys, group: "", run() {} });

test("chords are written one way", () => {
  expect(chordText(chord("k", { ctrlKey: true }))).toBe("mod+k");
  expect(chordText(chord("K", { metaKey: true, shiftKey: true }))).toBe("mod+Shift+k");
  expect(chordText(chord("R", { shiftKey: true }))).toBe("Shift+R");
  expect(chordText(chord("?", { shiftKey: true }))).toBe("?");
  expect(chordText(chord("ArrowLeft"))).toBe("ArrowLeft");
});

describe("sequences", () => {
  const bindings = [binding("g t"), binding("t"), binding("g h"), binding("/")];
  test("the second key counts only soon after the first", () => {
    const reader = new KeyReader();
    expect(reader.read("g", 0, bindings)).toBe("started");
    expect(reader.read("t", 500, bindings)).toBe(bindings[0]);
    expect(reader.read("g", 1000, bindings)).toBe("started");
    expect(reader.read("t", 9000, bindings)).toBe(bindings[1]);
  });
  test("a key that continues nothing ends the sequence", () => {
    const reader = new KeyReader();
    reader.read("g", 0, bindings);
    expect(reader.read("x", 100, bindings)).toBeNull();
    expect(reader.read("/", 200, bindings)).toBe(bindings[3]);
  });
  test("the later of two bindings counts", () => {
    const later = binding("/");
    expect(new KeyReader().read("/", 0, [...bindings, later])).toBe(later);
  });
});

test("signs for people", () => {
  expect(keySigns("g t")).toEqual(["g", "t"]);
  expect(keySigns("mod+k")).toEqual(["Ctrl K"]);
  expect(keySigns("t +")).toEqual(["t", "+"]);
});
