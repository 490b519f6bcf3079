/** Small pictures for lists: a pair's own, which the browser keeps. */
import type { Job } from "../api/types";
import type { Path } from "./sample";

/** Undefined while the pair is not drawn. */
export function thumbnail(job: Job, path: Path): string | undefined {
  return job.comparison_id === null ? undefined : `/api/v1/comparisons/${job.comparison_id}/files/${path}.png`;
}
