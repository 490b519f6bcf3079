/** Loss curves from the progress events of a job. */
import type { JobEvent } from "../api/types";

export interface Curves {
  /** steps since the start of the training, rising */
  steps: number[];
  /** name of a loss → its values at `steps`; null where it was not measured */
  values: Record<string, (number | null)[]>;
  /** the step at which stage 2 began */
  stage2From: number | undefined;
}

interface Point {
  step: number;
  losses: Record<string, number>;
}

function numbersOf(value: unknown): Record<string, number> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, number]) => typeof number === "number"));
}

/**
 * A resumed attempt repeats steps; what it repeats replaces what was there.
 *
 * Of a job that goes on where another one ended, the first stage may not be among the events: its length is `stage1Steps`.
 */
export function lossCurves(events: readonly JobEvent[], stage1Steps: number): Curves {
  const points: Point[] = [];
  let stage2From: number | undefined;
  for (const event of events) {
    const { phase, step, losses } = event.data;
    if (event.kind !== "progress" || typeof step !== "number" || (phase !== "stage1" && phase !== "stage2")) continue;
    const values = numbersOf(losses);
    if (Object.keys(values).length === 0) continue;
    if (phase === "stage2") stage2From = stage1Steps;
    const at = step + (phase === "stage2" ? stage1Steps : 0);
    while (points.length && (points.at(-1) as Point).step >= at) points.pop();
    points.push({ step: at, losses: values });
  }
  const names = [...new Set(points.flatMap((point) => Object.keys(point.losses)))];
  return {
    steps: points.map((point) => point.step),
    values: Object.fromEntries(names.map((name) => [name, points.map((point) => point.losses[name] ?? null)])),
    stage2From,
  };
}

/** Exponential mean over `span` points, so that a trend shows through the noise. Gaps stay gaps. */
export function smooth(values: readonly (number | null)[], span: number): (number | null)[] {
  const share = 2 / (span + 1);
  let mean: number | undefined;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean === undefined ? value : mean + share * (value - mean);
    return mean;
  });
}
