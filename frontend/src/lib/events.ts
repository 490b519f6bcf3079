/** What happened to a job, and to the jobs that it goes on from. */
import { queryOptions, skipToken } from "@tanstack/svelte-query";
import { call } from "../api/client";
import type { JobEvent } from "../api/types";

export interface Told {
  job: string;
  /** in order */
  events: readonly JobEvent[];
}

export interface History extends Told {
  /** number of the last event */
  after: number;
  /** No other event will come. */
  final: boolean;
}

async function wholeHistory(job: string): Promise<History> {
  const events: JobEvent[] = [];
  for (let after = 0; ; ) {
    const page = await call("get", "/api/v1/jobs/{job_id}/events", { path: { job_id: job }, query: { after } });
    events.push(...page.data);
    after = page.next_after;
    if (!page.has_more) return { job, events, after, final: page.final };
  }
}

/** All events so far; what comes later is added by whoever follows the job. */
export const historyQuery = (job: string | undefined) =>
  queryOptions({
    queryKey: ["events", job],
    queryFn: job === undefined ? skipToken : () => wholeHistory(job),
    staleTime: Infinity,
  });

/** The jobs before this one, oldest first: a job that was ordered again goes on from its parent. */
export const earlierQuery = (parent: string | null | undefined) =>
  queryOptions({
    queryKey: ["events", "before", parent],
    queryFn:
      parent == null
        ? skipToken
        : async () => {
            const told: Told[] = [];
            for (let id: string | null = parent; id !== null; ) {
              told.unshift(await wholeHistory(id));
              id = (await call("get", "/api/v1/jobs/{job_id}", { path: { job_id: id } })).parent_id;
            }
            return told;
          },
    staleTime: Infinity,
  });
