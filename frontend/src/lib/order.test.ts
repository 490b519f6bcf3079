import { expect, test } from "vitest";
import type { Job } from "../api/types";
import { gridOf, jobsByPictures, nextCell } from "./cells";
import { bodyOf, draftOf, NEW_DRAFT, pictureKey, type Draft } from "./order";

const DRAFT: Draft = { ...NEW_DRAFT, text: "a woman, a hat", target: "sunglasses", seed: 7, strength: 0.5, layers: true };

/** As the studio answers to an order. */
function jobOf(draft: Draft, id: string, status: Job["status"] = "succeeded"): Job {
  const { adapter_id, spec } = bodyOf(draft, "adp_1");
  return { id, status, source_adapter_id: adapter_id ?? "adp_1", spec: { adapters: [], strength: 1, ...spec } } as unknown as Job;
}

test("the form of a pair that was ordered orders the same pair", () => {
  const held = { ...DRAFT, hold: { firmness: 0.5, held_below: 0.1, free_above: 0.4 } };
  const joint = { ...DRAFT, companion: { adapter: "adp_2", strength: 1.5 } };
  for (const draft of [DRAFT, held, joint]) expect(draftOf(jobOf(draft, "job_1"), "adp_1")).toEqual(draft);
});

test("what else is recorded does not make it another picture; everything else does", () => {
  const key = pictureKey(DRAFT, "adp_1");
  expect(pictureKey({ ...DRAFT, layers: false, reconstruction: false }, "adp_1")).toBe(key);
  const others: Partial<Draft>[] = [{ seed: 8 }, { strength: 1 }, { text: "a man" }, { hold: { firmness: 1, held_below: 0, free_above: 1 } }];
  for (const other of others) expect(pictureKey({ ...DRAFT, ...other }, "adp_1")).not.toBe(key);
  expect(pictureKey(DRAFT, "adp_2")).not.toBe(key);
});

test("a grid finds its cells among the pairs", () => {
  const canceled = jobOf({ ...DRAFT, seed: 8 }, "job_4", "canceled");
  const drawn = jobsByPictures([canceled, jobOf(DRAFT, "job_3", "running"), jobOf(DRAFT, "job_2"), jobOf(DRAFT, "job_1")], "adp_1");
  const grid = gridOf(DRAFT, "adp_1", { seeds: 2, strengths: [0.5, 1] }, drawn);
  expect(grid.map((row) => row.map(({ seed, strength, job }) => [seed, strength, job?.id]))).toEqual([
    [[7, 0.5, "job_2"], [7, 1, undefined]],
    [[8, 0.5, undefined], [8, 1, undefined]],
  ]);
});

test("arrows lead from cell to cell and stop at the edge", () => {
  expect(nextCell("ArrowRight", [0, 0], 2, 3)).toEqual([0, 1]);
  expect(nextCell("ArrowRight", [0, 2], 2, 3)).toEqual([0, 2]);
  expect(nextCell("ArrowUp", [0, 1], 2, 3)).toEqual([0, 1]);
  expect(nextCell("End", [1, 0], 2, 3)).toEqual([1, 2]);
  expect(nextCell("Enter", [1, 0], 2, 3)).toBeUndefined();
});
