import { expect, test } from "vitest";
import { minus, overlayOf, phraseIn, toPeak } from "./overlay";
import { readSample } from "./sample";

const sample = readSample({ sample: { target: "a hat", phrases: ["a woman", "a hat", "PAD"], timesteps: [9, 1], hold: {} } });
const NAMES = ["reference/00_01", "response/00_01", "response/01_01", "control/01", "layers/reference/02/00_01"];
const files = Object.fromEntries(NAMES.map((name) => [`maps/${name}.png`, `/files/${name}.png`]));
const woman = phraseIn(sample, "base a woman");
const target = phraseIn(sample, "target");
const wanted = { map: "words", phrase: woman, timestep: 1, layer: undefined } as const;

test("each picture shows its own attention", () => {
  expect(overlayOf(files, wanted, "reference")?.name).toBe("/files/reference/00_01.png");
  expect(overlayOf(files, wanted, "response")?.name).toBe("/files/response/00_01.png");
  expect(overlayOf(files, { ...wanted, phrase: target }, "reference")).toBeUndefined();
  expect(overlayOf(files, { ...wanted, phrase: undefined }, "response")).toBeUndefined();
  expect(overlayOf(files, { ...wanted, layer: 2 }, "reference")).toMatchObject({ cells: true, name: "/files/layers/reference/02/00_01.png" });
});

test("the change is the same map over both, and needs both", () => {
  const change = overlayOf(files, { ...wanted, map: "change" }, "reference");
  expect(change).toMatchObject({ twoSided: true, name: "/files/response/00_01.png − /files/reference/00_01.png" });
  expect(overlayOf(files, { ...wanted, map: "change", phrase: target }, "response")).toBeUndefined();
});

test("maps of both models need no phrase, and those that are not there show nothing", () => {
  expect(overlayOf(files, { ...wanted, map: "control", phrase: undefined }, "response")?.name).toBe("/files/control/01.png");
  expect(overlayOf(files, { ...wanted, map: "hold" }, "response")).toBeUndefined();
});

test("response minus reference, and a map to its peak", () => {
  const grey = (...values: number[]) => ({ width: values.length, height: 1, values: Float32Array.from(values) });
  expect([...minus(grey(1, 0.25), grey(0, 0.5)).values]).toEqual([1, -0.25]);
  expect(() => minus(grey(1), grey(0, 1))).toThrow("differ in size");
  expect(toPeak(grey(0.25, 0.5))).toEqual({ map: grey(0.5, 1), peak: 0.5 });
  expect(toPeak(grey(0, 0)).peak).toBe(0);
});
