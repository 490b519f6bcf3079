import { expect, test } from "vitest";
import type { Comparison } from "../api/types";
import { attentionName, basePhrases, mapsOf, readSample, sharedName, timestepOf } from "./sample";

function sampleOf(sample: Comparison["sample"]) {
  return readSample({ sample });
}

const RECORD = { target: "sunglasses", phrases: ["a woman", "a hat", "sunglasses", "PAD"], timesteps: [999, 500, 1] };

test("phrases have one name in all pairs, and the record's order tells target and PAD", () => {
  const sample = sampleOf(RECORD);
  expect(sample.phrases.map(({ key }) => key)).toEqual(["base a woman", "base a hat", "target", "pad"]);
  expect(basePhrases(sample)).toEqual(["a woman", "a hat"]);
});

test("map names are those of the studio's files", () => {
  const [, hat, target, pad] = sampleOf(RECORD).phrases;
  expect(attentionName(hat!, "reference", 7)).toBe("maps/reference/01_07.png");
  expect(attentionName(target!, "response", 7)).toBe("maps/response/02_07.png");
  expect(attentionName(target!, "reference", 7)).toBeUndefined();
  expect(attentionName(pad!, "response", 7, 11)).toBe("maps/layers/response/11/03_07.png");
  expect(sharedName("control", 0)).toBe("maps/control/00.png");
  expect(sharedName("hold", 12)).toBe("maps/hold/12.png");
});

test("only the maps that a pair has are offered", () => {
  const shared = ["words", "change", "control", "noise"];
  expect(mapsOf(sampleOf(RECORD))).toEqual(shared);
  expect(mapsOf(sampleOf({ ...RECORD, hold: {} }))).toEqual([...shared, "hold"]);
  expect(mapsOf(sampleOf({ ...RECORD, timesteps: [] }))).toEqual([]);
});

test("what was not measured is undefined, never 0", () => {
  expect(sampleOf(RECORD).reconstructionChange).toBeUndefined();
  expect(sampleOf({ ...RECORD, reconstruction_change: 0 }).reconstructionChange).toBe(0);
  expect(sampleOf({}).held).toBe(false);
  expect(sampleOf({ hold: null }).held).toBe(false);
});

test("layers are those of the record", () => {
  const layer = { name: "down.0", rows: 16, columns: 16, white: [0.5] };
  expect(sampleOf({ ...RECORD, layers: [layer, 3] }).layers).toEqual([layer]);
});

test("the timestep is the middle one until another is wanted, and one that the pair has", () => {
  const sample = sampleOf(RECORD);
  expect([undefined, 0, 2, 9].map((wanted) => timestepOf(sample, wanted))).toEqual([1, 0, 2, 2]);
  expect(timestepOf(sampleOf({}), 3)).toBe(0);
});
