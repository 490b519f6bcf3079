/** How well an adapter's training says that the target was learnt. */
import { createQuery } from "@tanstack/svelte-query";
import { historyQuery } from "./events";
import { fromServer } from "./server";
import { validations } from "./validation";

export interface Gained {
  /** 1 at most */
  value: number;
  step: number;
}

/** Of the last validation; undefined for a training that made none. Call while a component is being set up. */
export function gainedInTraining(job: () => string | undefined): { readonly value: Gained | undefined } {
  const history = createQuery(() => historyQuery(job()), fromServer);
  const gained = $derived.by(() => {
    const { steps, targetGained } = validations(history.data?.events ?? []);
    const [value, step] = [targetGained.at(-1), steps.at(-1)];
    return value === undefined || step === undefined ? undefined : { value, step };
  });
  return {
    get value() {
      return gained;
    },
  };
}
