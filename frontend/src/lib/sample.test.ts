import { expect, test } from "vitest";
import type { Comparison } from "../api/types";
import { layerKey, layersOf, mapName, readSample } from "./sample";

function sampleOf(sample: Comparison["sample"]) {
  return readSample({ sample } as Comparison);
}

const RECORD = { target: "sunglasses", phrases: ["a woman", "a hat", "sunglasses", "PAD"], timesteps: [999, 1] };

test("map names are those of the studio's files", () => {
  const sample = sampleOf(RECORD);
  expect(mapName(sample, { kind: "base", phrase: "a hat" }, "reference", 7)).toBe("maps/reference/01_07.png");
  expect(mapName(sample, { kind: "target" }, "response", 7)).toBe("maps/response/02_07.png");
  expect(mapName(sample, { kind: "target" }, "reference", 7)).toBeUndefined();
  expect(mapName(sample, { kind: "pad" }, "response", 7)).toBe("maps/response/03_07.png");
  expect(mapName(sample, { kind: "control" }, "reference", 0)).toBe("maps/control/00.png");
  expect(mapName(sample, { kind: "noise" }, "response", 12)).toBe("maps/noise/12.png");
  expect(mapName(sample, { kind: "hold" }, "reference", 3)).toBe("maps/hold/03.png");
  expect(mapName(sample, { kind: "none" }, "response", 0)).toBeUndefined();
});

test("a pair says whether its rest was held; older ones do not speak of it", () => {
  expect(sampleOf({ hold: { firmness: 1 } }).held).toBe(true);
  expect(sampleOf({ hold: null }).held).toBe(false);
  expect(sampleOf({}).held).toBe(false);
});

test("a layer has one name in all pairs, and only the layers that a pair has are offered", () => {
  const keys = (record: Comparison["sample"]) => layersOf(sampleOf(record)).map(layerKey);
  const shared = ["none", "base a woman", "base a hat", "target", "pad", "control", "noise"];
  expect(keys(RECORD)).toEqual(shared);
  expect(keys({ ...RECORD, hold: {} })).toEqual([...shared, "hold"]);
  expect(keys({ ...RECORD, timesteps: [] })).toEqual(["none"]);
});
