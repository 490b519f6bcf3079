import { expect, test } from "vitest";
import type { Settings } from "../api/types";
import { boundsOf, complaint, fieldGroups, type Field } from "./settingFields";
import { presetValue, trainingSpec } from "./trainingOrder";

const SETTINGS: Settings = {
  groups: [
    { title: "Size", settings: ["rank", "learning_rate", "image_size_px", "preview_every"] },
    { title: "Rest", settings: ["states", "masked", "kept"] },
  ],
  specification: {
    properties: {
      rank: { type: "integer", minimum: 1, maximum: 128, description: "rank of the adapter" },
      learning_rate: { type: "number", minimum: 1e-6, maximum: 0.1 },
      image_size_px: { anyOf: [{ type: "integer", minimum: 32, maximum: 2048 }, { type: "null" }] },
      preview_every: { type: "integer", minimum: 0, maximum: 20000 },
      states: { type: "string", enum: ["noised", "grown"] },
      masked: { type: "boolean" },
      kept: { $ref: "#/$defs/Kept" },
    },
    $defs: { Kept: { properties: { share: { type: "number", minimum: 0, maximum: 1 }, on: { type: "boolean" } } } },
  },
};
const FIELDS = fieldGroups(SETTINGS).flatMap((group) => group.fields);
const CHOSEN = { base: "pico", method: "spf", preset: "quick" };

function field(name: string): Field {
  return FIELDS.find((one) => one.name === name) as Field;
}

test("every setting becomes a field, those within a setting too", () => {
  expect(FIELDS.map(({ name, kind }) => [name, kind])).toEqual([
    ["rank", "whole"],
    ["learning_rate", "number"],
    ["image_size_px", "whole"],
    ["preview_every", "whole"],
    ["states", "choice"],
    ["masked", "switch"],
    ["kept.share", "number"],
    ["kept.on", "switch"],
  ]);
  expect(field("rank")).toMatchObject({ title: "Rank", words: "Rank of the adapter." });
  expect(boundsOf(field("image_size_px"))).toBe("32 to 2,048 px");
  expect(boundsOf(field("learning_rate"))).toBe("0.000001 to 0.1");
});

test.each([
  ["rank", "0", "Found 0; allowed: whole numbers, 1 to 128."],
  ["rank", "1.5", "Found 1.5; allowed: whole numbers, 1 to 128."],
  ["rank", "many", "Found many; allowed: whole numbers, 1 to 128."],
  ["rank", " 4 ", ""],
  ["rank", "", ""],
  ["learning_rate", "2e-3", ""],
  ["states", "grown", ""],
])("%s = %s", (name, typed, expected) => {
  expect(complaint(field(name), typed)).toBe(expected);
});

test("only what was set is ordered, and a part of a group with the rest of the preset's group", () => {
  const resolved = { kept: { share: 0.5, on: true }, states: "noised" };
  expect(trainingSpec(CHOSEN, FIELDS, { rank: "" }, resolved)).toEqual(CHOSEN);
  const typed = { rank: "4", masked: "false", "kept.share": "0.25", states: "grown" };
  expect(trainingSpec(CHOSEN, FIELDS, typed, resolved)).toEqual({
    ...CHOSEN,
    rank: 4,
    masked: false,
    states: "grown",
    kept: { share: 0.25, on: true },
  });
  expect([presetValue(resolved, "kept.on"), presetValue(resolved, "states"), presetValue(undefined, "rank")]).toEqual(["on", "noised", ""]);
});

test("a setting two groups deep says whose it is, and is ordered with all that stands around it", () => {
  const specification = {
    properties: { rivals: { $ref: "#/$defs/Rivals" } },
    $defs: {
      Rivals: { properties: { purecc: { $ref: "#/$defs/PureCC" } } },
      PureCC: { properties: { weight: { type: "number", minimum: 0, maximum: 100 }, other: { type: "number" } } },
    },
  };
  const [weight] = fieldGroups({ groups: [{ title: "Rest", settings: ["rivals"] }], specification }).flatMap((one) => one.fields);
  expect(weight).toMatchObject({ name: "rivals.purecc.weight", title: "Purecc: weight" });
  const resolved = { rivals: { purecc: { weight: 1, other: 2 }, adalora: { interval: 10 } } };
  const spec = trainingSpec(CHOSEN, [weight as Field], { "rivals.purecc.weight": "3" }, resolved);
  expect(spec["rivals"]).toEqual({ purecc: { weight: 3, other: 2 }, adalora: { interval: 10 } });
  expect(presetValue(resolved, "rivals.purecc.weight")).toBe("1");
});
