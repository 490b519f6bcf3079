/** A grid of pairs, seeds × strengths. It holds nothing: which cells are drawn is found in the studio's list of pairs. */
import type { Job } from "../api/types";
import { draftOf, pictureKey, type Draft } from "./order";
import { usesOf } from "./pairs";

export interface Cell {
  seed: number;
  strength: number;
  draft: Draft;
  /** the newest order of these pictures that was not canceled */
  job: Job | undefined;
}

/** The jobs that an adapter draws in, by the pictures they draw. Of several a drawn one counts, then the newest. */
export function jobsByPictures(jobs: readonly Job[], adapter: string): Map<string, Job> {
  const found = new Map<string, Job>();
  for (const job of jobs) {
    if (job.status === "canceled" || job.status === "canceling" || usesOf(job)[0]?.adapter !== adapter) continue;
    const key = pictureKey(draftOf(job, adapter), adapter);
    const known = found.get(key);
    if (!known || (known.status !== "succeeded" && job.status === "succeeded")) found.set(key, job);
  }
  return found;
}

/** Rows of cells: one for each seed from the draft's on, a cell for each strength. */
export function gridOf(
  draft: Draft,
  adapter: string,
  shape: { seeds: number; strengths: readonly number[] },
  drawn: ReadonlyMap<string, Job>,
): Cell[][] {
  return Array.from({ length: shape.seeds }, (_, row) =>
    shape.strengths.map((strength) => {
      const wanted = { ...draft, seed: draft.seed + row, strength };
      return { seed: wanted.seed, strength, draft: wanted, job: drawn.get(pictureKey(wanted, adapter)) };
    }),
  );
}

/** Where an arrow, Home or End leads from a cell of a grid; undefined for other keys. */
export function nextCell(key: string, [row, column]: readonly [number, number], rows: number, columns: number): [number, number] | undefined {
  const within = (value: number, count: number) => Math.max(0, Math.min(value, count - 1));
  switch (key) {
    case "ArrowUp":
      return [within(row - 1, rows), column];
    case "ArrowDown":
      return [within(row + 1, rows), column];
    case "ArrowLeft":
      return [row, within(column - 1, columns)];
    case "ArrowRight":
      return [row, within(column + 1, columns)];
    case "Home":
      return [row, 0];
    case "End":
      return [row, columns - 1];
    default:
      return undefined;
  }
}
