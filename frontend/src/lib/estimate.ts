/** How long a training is going to be, in words. */
import type { DryRun } from "../api/types";
import { count, duration, roughly } from "./wording";

function stepsOf(spec: DryRun["spec"]): number {
  return Number(spec?.["stage1_steps"] ?? 0) + Number(spec?.["stage2_steps"] ?? 0);
}

/** "400 steps, about 6 min here"; "" for an order that is refused or not tried yet. */
export function extentInWords(tried: DryRun | undefined): string {
  if (!tried?.spec) return "";
  const steps = count(stepsOf(tried.spec), "step");
  return tried.estimate ? `${steps}, about ${roughly(tried.estimate.seconds)} here` : `${steps}, not measured here yet`;
}

/** Where the time comes from. */
export function basisInWords(tried: DryRun): string {
  if (!tried.estimate) return "How long it takes is not measured here yet: the first training like it will tell.";
  const { seconds, trainings } = tried.estimate;
  return `About ${duration(seconds)}, as ${count(trainings, "earlier training")} like it took step by step on this machine.`;
}
