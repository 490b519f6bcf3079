import { expect, test } from "vitest";
import { attentionMoved, changeUnder, meanMap, percentOf, pixelChanges, regionChange } from "./evidence";
import type { Grey, Pixels } from "./grey";

const grey = (...values: number[]): Grey => ({ width: values.length, height: 1, values: Float32Array.from(values) });

function pixels(...greys: number[]): Pixels {
  return { width: greys.length, height: 1, data: Uint8ClampedArray.from(greys.flatMap((value) => [value, value, value, 255])) };
}

test("a change from black to white is 1, and equal pictures do not change", () => {
  expect([...pixelChanges(pixels(0, 255, 51), pixels(255, 255, 0))!.values]).toEqual([1, 0, expect.closeTo(0.2)]);
  expect(pixelChanges(pixels(0), pixels(0, 0))).toBeUndefined();
});

test("the region parts what was to change from the rest", () => {
  const changes = grey(0.8, 0.6, 0.1, 0);
  const found = regionChange(changes, grey(0.9, 0.5, 0.49, 0))!;
  expect([found.share, found.inside, found.outside]).toEqual([0.5, expect.closeTo(0.7), expect.closeTo(0.05)]);
});

test("a control map that reaches the threshold nowhere measures nothing", () => {
  expect(regionChange(grey(0.8, 0.6), grey(0.4, 0))).toBeUndefined();
  expect(regionChange(grey(0.8, 0.6), grey(1, 1))).toBeUndefined();
});

test("a coarser map is read at the pixel's place", () => {
  const found = regionChange(grey(1, 1, 0, 0), grey(1, 0))!;
  expect([found.inside, found.outside]).toEqual([1, 0]);
});

test("a phrase's change is that of the place it has in the reference", () => {
  expect(changeUnder(grey(1, 0), grey(0.25, 0.75))).toBeCloseTo(0.25);
  expect(changeUnder(grey(1, 0), grey(0, 0))).toBeUndefined();
});

test("attention that stays has not moved, whatever its strength; attention that goes has moved altogether", () => {
  expect(attentionMoved([grey(0.2, 0.1)], [grey(0.6, 0.3)])).toBeCloseTo(0);
  expect(attentionMoved([grey(1, 0)], [grey(0, 1)])).toBe(1);
  expect(attentionMoved([grey(1, 0), grey(1, 0)], [grey(0, 1), grey(1, 0)])).toBe(0.5);
  expect(attentionMoved([grey(0, 0)], [grey(0, 1)])).toBeUndefined();
  expect(attentionMoved([], [])).toBeUndefined();
});

test("maps are averaged", () => {
  expect([...meanMap([grey(0, 1), grey(1, 1)])!.values]).toEqual([0.5, 1]);
  expect(meanMap([])).toBeUndefined();
});

test("small shares are not rounded to nothing", () => {
  expect([0, 0.00004, 0.0042, 0.0432, 1].map(percentOf)).toEqual(["0 %", "less than 0.01 %", "0.42 %", "4.3 %", "100.0 %"]);
});
