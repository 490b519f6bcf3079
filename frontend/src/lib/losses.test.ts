import { expect, test } from "vitest";
import type { JobEvent } from "../api/types";
import { lossCurves, smooth } from "./losses";

let seq = 0;
function progress(phase: string, step: number, losses: Record<string, number>): JobEvent {
  seq += 1;
  return { seq, at: "2026-01-01T00:00:00Z", kind: "progress", data: { phase, step, total: 10, losses } };
}

test("stage 2 goes on where stage 1 ended, and missing losses are gaps", () => {
  const curves = lossCurves([
    progress("loading", 1, {}),
    progress("stage1", 5, { denoise: 2 }),
    progress("stage1", 10, { denoise: 1 }),
    progress("stage2", 5, { denoise: 1, fine_grained: 4 }),
  ], 10);
  expect(curves).toEqual({
    steps: [5, 10, 15],
    values: { denoise: [2, 1, 1], fine_grained: [null, null, 4] },
    stage2From: 10,
  });
});

test("a resumed attempt replaces the steps that it repeats", () => {
  const curves = lossCurves([
    progress("stage1", 4, { denoise: 3 }),
    progress("stage1", 8, { denoise: 2 }),
    progress("stage1", 6, { denoise: 1 }),
  ], 10);
  expect(curves.steps).toEqual([4, 6]);
  expect(curves.values["denoise"]).toEqual([3, 1]);
});

test("a job that goes on in stage 2 begins where stage 1 ended", () => {
  const curves = lossCurves([progress("stage2", 5, { denoise: 1 })], 100);
  expect(curves).toMatchObject({ steps: [105], stage2From: 100 });
});

test("smoothing keeps gaps and a constant", () => {
  expect(smooth([3, null, 3], 9)).toEqual([3, null, 3]);
});
