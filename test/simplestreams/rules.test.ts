import { describe, expect, test } from "vitest";
import { explain, type RuleId, rules } from "../../src/simplestreams/index.ts";
import { brokenTree } from "./broken-tree.ts";

const all = Object.entries(rules);

/** What cannot be wrong alone. */
const FOLLOWS: Readonly<Record<string, readonly RuleId[]>> = {
  "entry-basename": ["duplicate-fingerprint", "sstream-format"],
  "entry-repeated": ["duplicate-fingerprint", "sstream-format"],
  "nothing-listed": ["no-versions"],
  "delta-unread": ["vm-delta"],
  "vm-delta": ["delta-unread"],
  "file-size": ["sstream-checksum"],
  "file-hash": ["sstream-checksum"],
  "sstream-checksum": ["file-size"],
  "equal-images": ["alias-taken"],
  "unified-vm": ["other-dialect"],
};

describe("the smallest tree", () => {
  test("breaks no rule but that it has nothing for LXC", () => {
    const { findings, readers } = explain(brokenTree([]));
    expect(findings.map(({ rule }) => rule)).toEqual(["lxc-index"]);
    expect(readers).toEqual([
      ...["incus 6.0", "incus 7", "lxd 5.0", "lxd 5.21", "lxd 6"].map((reader) => ({
        reader,
        refuses: false,
        lists: 1,
        byChance: false,
      })),
      { reader: "sstream", refuses: false, lists: 3, byChance: false },
      { reader: "lxc", refuses: false, lists: 0, byChance: false },
    ]);
  });
});

describe("the example of a rule", () => {
  test.each(all.filter(([, { example }]) => "edits" in example))(
    "%s breaks it, for its readers",
    (id, rule) => {
      const edits = "edits" in rule.example ? rule.example.edits : [];
      const { findings } = explain(brokenTree(edits));
      const found = findings.filter((one) => one.rule === id);
      expect(found.length, findings.map((one) => `${one.rule} ${one.reason}`).join("\n")).toBeGreaterThan(0);
      const readers = new Set(found.flatMap((one) => one.readers));
      expect([...readers].toSorted()).toEqual([...rule.readers].toSorted());
      for (const one of found) {
        expect(one).toMatchObject({ level: rule.level, mend: rule.mend, source: rule.source });
        expect(one.reason).not.toMatch(/\.$|undefined/);
      }
    },
  );

  test.each(all.filter(([, { example }]) => "edits" in example))(
    "%s breaks only it, and what follows from it",
    (id, rule) => {
      const edits = "edits" in rule.example ? rule.example.edits : [];
      const others = explain(brokenTree(edits)).findings.filter((one) => one.rule !== id);
      const follows = new Set<string>(["lxc-index", "nothing-listed", ...(FOLLOWS[id] ?? [])]);
      expect(others.map((one) => one.rule).filter((other) => !follows.has(other))).toEqual([]);
    },
  );
});

describe("rules", () => {
  test.each(all)("%s is put into whole sentences", (id, { text, symptom, mend, source }) => {
    expect(id).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    for (const sentence of [text, symptom, mend]) expect(sentence).toMatch(/^[A-Z`a-z].*[^.]$/s);
    expect(source.length).toBeGreaterThan(20);
  });
});
