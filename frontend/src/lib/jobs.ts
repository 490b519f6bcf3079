/** What the states and phases of a job are called on the page. */
import type { Job, JobEvent } from "../api/types";
import { isDualPath } from "./settings";

/** The studio gives no more entries than this in one answer; lists show the newest. */
export const LONGEST_LIST = 200;

const FINAL: readonly Job["status"][] = ["succeeded", "failed", "canceled"];

export function isOver(job: Job): boolean {
  return FINAL.includes(job.status);
}

/** The same of a state as an event tells it. */
export function isOverState(state: unknown): boolean {
  return FINAL.some((final) => final === state);
}

/** A job as the newest progress among these events says it is. */
export function withProgress(job: Job, events: readonly JobEvent[]): Job {
  const newest = events.findLast((event) => event.kind === "progress")?.data;
  if (!newest || isOver(job)) return job;
  const { phase, step, total, eta_s, losses } = newest as Job["progress"] & Pick<Job, "phase" | "losses">;
  return { ...job, phase, losses, progress: { step, total, eta_s } };
}

export const STATUS_WORDS: Readonly<Record<Job["status"], string>> = {
  queued: "Waiting",
  running: "Running",
  canceling: "Stopping",
  succeeded: "Done",
  failed: "Failed",
  canceled: "Canceled",
};

export interface Phase {
  key: string;
  name: string;
}

export function phasesOf(method: unknown): Phase[] {
  return [
    { key: "loading", name: "Load the model" },
    { key: "caching", name: "Prepare the pictures" },
    ...(method === "spf" ? [{ key: "preserving", name: "Draw what is to stay" }] : []),
    { key: "stage1", name: "Stage 1: learn the target" },
    ...(method === "spf" ? [{ key: "surveying", name: "Find the target's place" }] : []),
    { key: "stage2", name: isDualPath(method) ? "Stage 2: hold the rest" : "Stage 2: learn on" },
    { key: "exporting", name: "Save the adapter" },
  ];
}

/** Text out of a job's settings, for headings and fields. */
export function specText(job: Job, key: string): string {
  const value = job.spec[key];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** All settings of a job as name and text; what is left to the model is left out. */
export function specRows(spec: Job["spec"], prefix = ""): [name: string, text: string][] {
  return Object.entries(spec).flatMap(([key, value]): [string, string][] => {
    if (value === null || value === undefined) return [];
    const name = `${prefix}${key}`.replaceAll("_", " ");
    if (typeof value === "boolean") return [[name, value ? "on" : "off"]];
    if (typeof value === "object" && !Array.isArray(value)) return specRows(value as Job["spec"], `${key}: `);
    return [[name, String(value)]];
  });
}

/** What a trainer measures at each step besides its losses: the control map's mean. */
export const CONTROL_MEAN = "control_mean";

const LOSS_WORDS: Readonly<Record<string, string>> = {
  denoise: "Denoising",
  enhancement: "Enhancement",
  text_consistent: "Text-consistent",
  fine_grained: "Fine-grained",
  prediction_anchor: "Prediction anchor",
  base_anchor: "Base anchor",
  preservation: "Preservation",
  guided_preservation: "Guided preservation",
  released: "Released denoising",
};

/** What a loss is called; one that the page does not know, by its own name. */
export function lossName(key: string): string {
  return LOSS_WORDS[key] ?? key.replaceAll("_", " ");
}
