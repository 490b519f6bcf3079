import { expect, test } from "vitest";
import type { JobEvent } from "../api/types";
import { previewsOf } from "./previews";

function drawn(seq: number, step: number, ...names: string[]): JobEvent {
  const pictures = names.map((name) => ({ text: "a woman, blonde hair", name }));
  return { seq, at: "2026-01-01T00:00:00Z", kind: "previews", data: { step, pictures } };
}

test("pictures grow from step 0 on, across a job that goes on from another one", () => {
  const previews = previewsOf([
    { job: "job_1", events: [drawn(1, 0, "1-000000-00.png"), drawn(2, 50, "1-000050-00.png"), drawn(3, 100, "1-000100-00.png")] },
    { job: "job_2", events: [drawn(1, 100, "1-000100-00.png")] },
  ]);
  expect(previews.map(({ step, pictures }) => [step, pictures[0]?.url])).toEqual([
    [0, "/api/v1/jobs/job_1/previews/1-000000-00.png"],
    [50, "/api/v1/jobs/job_1/previews/1-000050-00.png"],
    [100, "/api/v1/jobs/job_2/previews/1-000100-00.png"],
  ]);
});
