/** How well an adapter's training says that the target was learnt. */
import { call } from "../api/client";
import type { JobEvent } from "../api/types";
import { ask, type Asked } from "./asked.svelte";
import { validations } from "./validation";

export interface Gained {
  /** 1 at most */
  value: number;
  step: number;
}

/** Of the last validation; undefined for a training that made none. Call while a component is being set up. */
export function gainedInTraining(job: () => string | undefined): Asked<Gained | undefined> {
  return ask({
    key: job,
    load: async (id) => {
      const events: JobEvent[] = [];
      for (let after = 0, more = true; more; ) {
        const page = await call("get", "/api/v1/jobs/{job_id}/events", { path: { job_id: id }, query: { after } });
        events.push(...page.data);
        ({ next_after: after, has_more: more } = page);
      }
      const { steps, targetGained } = validations(events);
      const [value, step] = [targetGained.at(-1), steps.at(-1)];
      return value === undefined || step === undefined ? undefined : { value, step };
    },
  });
}
