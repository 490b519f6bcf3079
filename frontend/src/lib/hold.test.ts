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
  expect(heldBelow(DEFAULT_HOLD, 0.3)).toEqual({ ...DEFAULT_HOLD, held_below: 0.3 });
  expect(heldBelow(DEFAULT_HOLD, 0.57)).toEqual({ ...DEFAULT_HOLD, held_below: 0.57, free_above: 0.58 });
  expect(heldBelow(DEFAULT_HOLD, 0.99).free_above).toBe(1);
  expect(freeAbove(DEFAULT_HOLD, 0.2)).toEqual({ ...DEFAULT_HOLD, free_above: 0.2 });
  expect(freeAbove(DEFAULT_HOLD, 0.1)).toEqual({ ...DEFAULT_HOLD, held_below: 0.09, free_above: 0.1 });
  expect(freeAbove(DEFAULT_HOLD, 0.01).held_below).toBe(0);
});
