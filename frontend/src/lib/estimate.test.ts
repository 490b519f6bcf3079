import { expect, test } from "vitest";
import type { DryRun } from "../api/types";
import { basisInWords, extentInWords } from "./estimate";

const SPEC = { stage1_steps: 100, stage2_steps: 300 };
const tried = (more: Partial<DryRun>): DryRun => ({ accepted: true, problems: [], notices: [], spec: SPEC, estimate: null, ...more });

test("time is told where it was measured, and not invented elsewhere", () => {
  const measured = tried({ estimate: { seconds: 372, trainings: 2 } });
  expect(extentInWords(measured)).toBe("400 steps, about 6 min here");
  expect(basisInWords(measured)).toContain("2 earlier trainings");
  expect(extentInWords(tried({}))).toBe("400 steps, not measured here yet");
  expect(basisInWords(tried({}))).toContain("not measured here yet");
});

test("an order that is refused has no extent", () => {
  expect(extentInWords(tried({ accepted: false, spec: null }))).toBe("");
  expect(extentInWords(undefined)).toBe("");
});
