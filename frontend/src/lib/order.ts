/** The order of a pair, as the form has it and as the studio takes it. */
import type { Job } from "../api/types";
import { holdOf, type Hold } from "./hold";
import { specText } from "./jobs";
import { orderOf, usesOf, type AdapterUse } from "./pairs";

export interface Draft {
  text: string;
  target: string;
  seed: number;
  strength: number;
  /** a second adapter that draws, too */
  companion: AdapterUse | undefined;
  hold: Hold | undefined;
  steps: number;
  guidance: number;
  /** record every layer's maps */
  layers: boolean;
  /** draw the base text alone by the tuned model, too */
  reconstruction: boolean;
}

export const NEW_DRAFT: Draft = {
  text: "",
  target: "",
  seed: 1,
  strength: 1,
  companion: undefined,
  hold: undefined,
  steps: 25,
  guidance: 4,
  layers: false,
  reconstruction: true,
};

/** What the form says of a pair that was ordered. */
export function draftOf(job: Job, adapter: string): Draft {
  const uses = usesOf(job);
  const amount = (key: string, otherwise: number) => (typeof job.spec[key] === "number" ? job.spec[key] : otherwise);
  return {
    text: specText(job, "base_text"),
    target: specText(job, "target"),
    seed: amount("seed", 0),
    strength: uses.find((use) => use.adapter === adapter)?.strength ?? 1,
    companion: uses.find((use) => use.adapter !== adapter),
    hold: holdOf(job),
    steps: amount("steps", NEW_DRAFT.steps),
    guidance: amount("guidance_scale", NEW_DRAFT.guidance),
    layers: job.spec["layer_maps"] === true,
    reconstruction: job.spec["reconstruction"] === true,
  };
}

/** The body of the request that orders it. */
export function bodyOf(draft: Draft, adapter: string) {
  const named = orderOf([{ adapter, strength: draft.strength }, ...(draft.companion ? [draft.companion] : [])]);
  return {
    kind: "comparison" as const,
    adapter_id: named.adapter_id,
    spec: {
      ...named.spec,
      base_text: draft.text,
      target: draft.target,
      seed: draft.seed,
      steps: draft.steps,
      guidance_scale: draft.guidance,
      hold: draft.hold ? { ...draft.hold } : null,
      layer_maps: draft.layers,
      reconstruction: draft.reconstruction,
    },
  };
}

/** The same for orders that draw the same two pictures, whatever else they record. */
export function pictureKey(draft: Draft, adapter: string): string {
  const { text, target, seed, strength, companion, hold, steps, guidance } = draft;
  const held = hold && [hold.firmness, hold.held_below, hold.free_above];
  return JSON.stringify([adapter, text.trim(), target.trim(), seed, strength, companion?.adapter, companion?.strength, held, steps, guidance]);
}
