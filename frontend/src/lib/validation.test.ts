import { expect, test } from "vitest";
import type { JobEvent } from "../api/types";
import { courseInWords, validations } from "./validation";

function event(kind: JobEvent["kind"], data: JobEvent["data"]): JobEvent {
  return { seq: 1, at: "2026-01-01T00:00:00Z", kind, data };
}

function validation(step: number, target_gained: number, rest_kept: number): JobEvent {
  return event("validation", { step, target_gained, rest_kept });
}

test("validations are picked out of all events, in order", () => {
  const events = [
    validation(0, 0.01, 1),
    event("progress", { phase: "stage1", step: 5, total: 10, losses: {} }),
    event("checkpoint", { step: 10 }),
    validation(10, 0.2, 0.9),
  ];
  expect(validations(events)).toEqual({ steps: [0, 10], targetGained: [0.01, 0.2], restKept: [1, 0.9] });
});

test("a resumed attempt replaces the steps that it repeats", () => {
  const curves = validations([validation(0, 0, 1), validation(10, 0.2, 0.9), validation(20, 0.3, 0.8), validation(10, 0.25, 0.95)]);
  expect(curves).toEqual({ steps: [0, 10], targetGained: [0, 0.25], restKept: [1, 0.95] });
});

test("a training without validations has no curve", () => {
  expect(validations([event("state", { to: "running" })]).steps).toEqual([]);
  expect(courseInWords([], [])).toBe("");
});

test("a curve in words names a highest value only where it lies between the ends", () => {
  expect(courseInWords([0], [0.014])).toBe("0.01 at step 0.");
  expect(courseInWords([0, 50, 100], [0, 0.2, 0.3])).toBe("From 0.00 at step 0 to 0.30 at step 100.");
  expect(courseInWords([0, 50, 100], [0, 0.4, 0.3])).toBe(
    "From 0.00 at step 0 to 0.30 at step 100, its highest 0.40 at step 50.",
  );
  expect(courseInWords([0, 50, 100], [-0.001, 0.304, 0.302])).toBe("From 0.00 at step 0 to 0.30 at step 100.");
  expect(courseInWords([0, 50], [1, 0.9])).toBe("From 1.00 at step 0 to 0.90 at step 50.");
});
