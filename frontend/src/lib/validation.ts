/** What a training has come to, from the validation events of a job. */
import type { JobEvent } from "../api/types";

export interface Validations {
  /** steps since the start of the training, rising */
  steps: number[];
  /** at `steps`; both are 1 at most */
  targetGained: number[];
  restKept: number[];
}

interface Validation {
  step: number;
  targetGained: number;
  restKept: number;
}

function readValidation(event: JobEvent): Validation | undefined {
  const { step, target_gained: targetGained, rest_kept: restKept } = event.data;
  if (event.kind !== "validation" || typeof step !== "number") return undefined;
  if (typeof targetGained !== "number" || typeof restKept !== "number") return undefined;
  return { step, targetGained, restKept };
}

/** A resumed attempt repeats steps; what it repeats replaces what was there. */
export function validations(events: readonly JobEvent[]): Validations {
  const found: Validation[] = [];
  for (const event of events) {
    const validation = readValidation(event);
    if (!validation) continue;
    while (found.length && (found.at(-1) as Validation).step >= validation.step) found.pop();
    found.push(validation);
  }
  return {
    steps: found.map(({ step }) => step),
    targetGained: found.map(({ targetGained }) => targetGained),
    restKept: found.map(({ restKept }) => restKept),
  };
}

/** A curve in words: where it began, where it is now, and its highest value if that lies between. */
export function courseInWords(steps: readonly number[], values: readonly number[]): string {
  const rounded = values.map((value) => Number(value.toFixed(2)));
  const at = (index: number) => `${(rounded[index] as number).toFixed(2)} at step ${steps[index]}`;
  const last = steps.length - 1;
  if (last < 0) return "";
  if (last === 0) return `${at(0)}.`;
  const highest = Math.max(...rounded);
  const isBetween = highest !== rounded[0] && highest !== rounded[last];
  return `From ${at(0)} to ${at(last)}${isBetween ? `, its highest ${at(rounded.indexOf(highest))}` : ""}.`;
}
