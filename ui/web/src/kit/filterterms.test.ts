import { describe, expect, it } from "vitest";
import {
  dropTerm,
  hasTerm,
  keepTerm,
  quoted,
  termsOf,
  widened,
  withoutBounds,
  withoutTerm,
  withTerm,
} from "./filterterms";

describe("termsOf", () => {
  it("splits at spaces outside quotes, parentheses and patterns", () => {
    expect(termsOf('service:cart  "card declined" (a OR b c) -x:"a \\" b"')).toEqual([
      "service:cart",
      '"card declined"',
      "(a OR b c)",
      '-x:"a \\" b"',
    ]);
    expect(termsOf("  ")).toEqual([]);
    expect(termsOf('name:"GET /a')).toEqual(['name:"GET /a']);
    expect(termsOf("path:a/b/c d")).toEqual(["path:a/b/c", "d"]);
  });

  it("keeps OR and NOT with what they join", () => {
    expect(termsOf("a OR b c NOT d AND e")).toEqual(["a OR b", "c", "NOT d", "e"]);
    expect(termsOf("a OR NOT b")).toEqual(["a OR NOT b"]);
  });
});

describe("editing", () => {
  it("adds a term once, and takes its opposite away", () => {
    expect(withTerm("", "a:b")).toBe("a:b");
    expect(withTerm("x a:b", "a:b")).toBe("x a:b");
    expect(withTerm("x -a:b y", "a:b")).toBe("x y a:b");
    expect(withTerm("x a:b", dropTerm("a", "b"))).toBe("x -a:b");
  });

  it("does not let a term slip into an OR", () => {
    expect(withTerm("a OR b", "c:d")).toBe("(a OR b) c:d");
    expect(withTerm('"x OR y"', "c:d")).toBe('"x OR y" c:d');
    expect(withTerm("(a OR b)", "c:d")).toBe("(a OR b) c:d");
  });

  it("leaves text alone that it does not change", () => {
    expect(withoutTerm("a   b", "c")).toBe("a   b");
    expect(withoutTerm("a   b", "a")).toBe("b");
    expect(hasTerm("a b:c", "b:c")).toBe(true);
  });

  it("removes bounds of one key only", () => {
    expect(
      withoutBounds("duration>1s trace.duration>=2s trace.duration<4s x", "trace.duration"),
    ).toBe("duration>1s x");
    expect(withoutBounds("a  b", "duration")).toBe("a  b");
  });
});

describe("widened", () => {
  it("looks for bare words inside of words, and leaves the rest", () => {
    expect(widened("verge")).toBe("*verge*");
    expect(widened('level:>=warn verge "card declined" fail*')).toBe(
      'level:>=warn *verge* "card declined" fail*',
    );
    expect(widened("a OR b")).toBe(null);
    expect(widened('service:cart "x y" /re/ -health')).toBe(null);
    expect(widened("")).toBe(null);
  });
});

describe("quoted", () => {
  it("quotes whatever the grammar could read otherwise", () => {
    expect(quoted("checkout-v2.1")).toBe("checkout-v2.1");
    expect(quoted("GET /pay")).toBe('"GET /pay"');
    expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
    expect(quoted("va*")).toBe('"va*"');
    expect(quoted("")).toBe('""');
    expect(quoted("-x")).toBe('"-x"');
    expect(keepTerm("http.route", "/a(b)")).toBe('http.route:"/a(b)"');
  });

  it("writes any key", () => {
    expect(keepTerm("span.k8s.pod/name", "a")).toBe("span.k8s.pod/name:a");
    expect(keepTerm("log.a b:c", "1")).toBe("log.a\\ b\\:c:1");
    expect(keepTerm("-x", "OR")).toBe('\\-x:"OR"');
  });
});
