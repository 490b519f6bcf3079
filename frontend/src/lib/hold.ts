/** How firmly the rest of a picture is held to the original model while an adapter draws. */
import type { Job } from "../api/types";

export interface Hold {
  /** where the target differs by less than this share of its largest difference in the picture, the original draws */
  held_below: number;
  /** where it differs by more, the adapter draws */
  free_above: number;
  /** 1 holds the rest wholly, 0 not at all */
  firmness: number;
}

export const DEFAULT_HOLD: Hold = { held_below: 0.2, free_above: 0.5, firmness: 1 };
/** Of the sliders, and the least that lies between the two thresholds. */
export const HOLD_STEP = 0.01;

/** What the order of a pair says; undefined for a response that is drawn as it is. */
export function holdOf(pair: Job): Hold | undefined {
  const found = pair.spec["hold"];
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  return { ...DEFAULT_HOLD, ...(found as Partial<Hold>) };
}

/** With another lower threshold, which pushes the upper one up before it. */
export function heldBelow(hold: Hold, share: number): Hold {
  return { ...hold, held_below: share, free_above: Math.max(hold.free_above, inSteps(share + HOLD_STEP)) };
}

/** With another upper threshold, which pushes the lower one down before it. */
export function freeAbove(hold: Hold, share: number): Hold {
  return { ...hold, free_above: share, held_below: Math.min(hold.held_below, inSteps(share - HOLD_STEP)) };
}

export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function inSteps(share: number): number {
  return Math.round(share / HOLD_STEP) / Math.round(1 / HOLD_STEP);
}
