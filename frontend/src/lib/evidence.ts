/**
 * What changed between the two pictures, computed from what the studio published: the pictures' pixels and the maps. A change is
 * the mean absolute difference of a pixel's channels; 1 is from black to white, as in the studio's own `reconstruction_change`.
 */
import type { Grey, Pixels } from "./grey";

/** The target's region is where the control map, averaged over the recorded timesteps, reaches this. */
export const REGION_FROM = 0.5;

/** The change of each pixel, or undefined for pictures of different sizes. */
export function pixelChanges(reference: Pixels, response: Pixels): Grey | undefined {
  const { width, height } = reference;
  if (width !== response.width || height !== response.height) return undefined;
  const values = new Float32Array(width * height);
  for (let at = 0; at < values.length; at += 1) {
    let sum = 0;
    for (let channel = 0; channel < 3; channel += 1) {
      sum += Math.abs((reference.data[4 * at + channel] as number) - (response.data[4 * at + channel] as number));
    }
    values[at] = sum / (3 * 255);
  }
  return { width, height, values };
}

/** Maps of one size, averaged. */
export function meanMap(maps: readonly Grey[]): Grey | undefined {
  const first = maps[0];
  if (!first) return undefined;
  const values = new Float32Array(first.values.length);
  for (const map of maps) for (let at = 0; at < values.length; at += 1) values[at]! += (map.values[at] as number) / maps.length;
  return { width: first.width, height: first.height, values };
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += values[at] as number;
  return values.length ? sum / values.length : 0;
}

/** The value of a map at a pixel of a picture, which may be larger. */
function valueAt(map: Grey, x: number, y: number, of: Grey): number {
  const column = Math.min(map.width - 1, Math.floor(((x + 0.5) / of.width) * map.width));
  const row = Math.min(map.height - 1, Math.floor(((y + 0.5) / of.height) * map.height));
  return map.values[row * map.width + column] as number;
}

/** The mean change where `weight` says, in proportion; undefined if it says nowhere. */
function weighted(changes: Grey, weight: (x: number, y: number) => number): { mean: number; share: number } | undefined {
  let sum = 0;
  let weights = 0;
  for (let y = 0; y < changes.height; y += 1) {
    for (let x = 0; x < changes.width; x += 1) {
      const here = weight(x, y);
      sum += here * (changes.values[y * changes.width + x] as number);
      weights += here;
    }
  }
  return weights > 0 ? { mean: sum / weights, share: weights / changes.values.length } : undefined;
}

export interface RegionChange {
  /** of the picture that the target's region takes */
  share: number;
  inside: number;
  outside: number;
}

/** Undefined if the control map reaches the threshold nowhere, or everywhere. */
export function regionChange(changes: Grey, control: Grey): RegionChange | undefined {
  const isInside = (x: number, y: number) => valueAt(control, x, y, changes) >= REGION_FROM;
  const inside = weighted(changes, (x, y) => (isInside(x, y) ? 1 : 0));
  const outside = weighted(changes, (x, y) => (isInside(x, y) ? 0 : 1));
  return inside && outside ? { share: inside.share, inside: inside.mean, outside: outside.mean } : undefined;
}

/** The mean change where the reference attends to a phrase, in proportion to its attention. */
export function changeUnder(changes: Grey, attention: Grey): number | undefined {
  return weighted(changes, (x, y) => valueAt(attention, x, y, changes))?.mean;
}

/**
 * How much of a phrase's attention lies elsewhere in the response, 0 to 1: half the summed difference of the two maps, each divided
 * by its own sum, averaged over the timesteps. Undefined without a timestep at which both attend to it.
 */
export function attentionMoved(reference: readonly Grey[], response: readonly Grey[]): number | undefined {
  const moved: number[] = [];
  for (const [index, before] of reference.entries()) {
    const after = response[index];
    if (!after || after.values.length !== before.values.length) continue;
    const [all, allAfter] = [mean(before.values) * before.values.length, mean(after.values) * after.values.length];
    if (all <= 0 || allAfter <= 0) continue;
    let sum = 0;
    for (let at = 0; at < before.values.length; at += 1) {
      sum += Math.abs((before.values[at] as number) / all - (after.values[at] as number) / allAfter);
    }
    moved.push(sum / 2);
  }
  return moved.length ? mean(moved) : undefined;
}

/** "3.4 %", with as many digits as mean something. */
export function percentOf(share: number): string {
  const percent = 100 * share;
  if (percent === 0) return "0 %";
  if (percent < 0.01) return "less than 0.01 %";
  return `${percent.toFixed(percent < 1 ? 2 : 1)} %`;
}
