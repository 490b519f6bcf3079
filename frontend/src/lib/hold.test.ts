import { expect, test } from "vitest";
import type { Job } from "../api/types";
import { DEFAULT_HOLD, freeAbove, heldBelow, holdOf } from "./hold";

function pair(spec: Job["spec"]): Job {
  return { spec } as Job;
}

test("the hold that was ordered is read back", () => {
  const hold = { held_below: 0.3, free_above: 0.7, firmness: 0.5 };
  expect(holdOf(pair({ hold }))).toEqual(hold);
  expect(holdOf(pair({ hold: {} }))).toEqual(DEFAULT_HOLD);
});

test("pairs without a hold, or from before there was one, have none", () => {
  expect(holdOf(pair({ hold: null }))).toBeUndefined();
  expect(holdOf(pair({}))).toBeUndefined();
});

test("a threshold pushes the other one before it and never crosses it", () => {
  expect(heldBelow(DEFAULT_HOLD, 0.4)).toEqual({ ...DEFAULT_HOLD, held_below: 0.4 });
  expect(heldBelow(DEFAULT_HOLD, 0.77)).toEqual({ ...DEFAULT_HOLD, held_below: 0.77, free_above: 0.78 });
  expect(heldBelow(DEFAULT_HOLD, 0.99).free_above).toBe(1);
  expect(freeAbove(DEFAULT_HOLD, 0.5)).toEqual({ ...DEFAULT_HOLD, free_above: 0.5 });
  expect(freeAbove(DEFAULT_HOLD, 0.1)).toEqual({ ...DEFAULT_HOLD, held_below: 0.09, free_above: 0.1 });
  expect(freeAbove(DEFAULT_HOLD, 0.01).held_below).toBe(0);
});
