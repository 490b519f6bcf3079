/** The record of a pair (sample.json) and where its pictures are. */
import type { Comparison } from "../api/types";

export type Path = "reference" | "response";

/** What may lie over the portraits: nothing, one phrase's attention, or one of three maps of both models. */
export type Layer = { kind: "base"; phrase: string } | { kind: "none" | "target" | "pad" | "control" | "noise" | "hold" };

export interface Sample {
  target: string;
  /** base phrases, the target, PAD */
  phrases: string[];
  /** noise levels of the recorded maps, from noise to picture */
  timesteps: number[];
  /** Whether the rest of the response was held to the original model. */
  held: boolean;
}

export function readSample(comparison: Comparison): Sample {
  const record = comparison.sample;
  const strings = (value: unknown) => (Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : []);
  const numbers = (value: unknown) => (Array.isArray(value) ? value.filter((entry) => typeof entry === "number") : []);
  return {
    target: String(record["target"] ?? ""),
    phrases: strings(record["phrases"]),
    timesteps: numbers(record["timesteps"]),
    held: typeof record["hold"] === "object" && record["hold"] !== null,
  };
}

/** The base phrases, without the target and PAD. */
export function basePhrases(sample: Sample): string[] {
  return sample.phrases.slice(0, -2);
}

/** Those that a pair has. */
export function layersOf(sample: Sample): Layer[] {
  if (!sample.timesteps.length) return [{ kind: "none" }];
  const phrases = basePhrases(sample).map((phrase): Layer => ({ kind: "base", phrase }));
  const ofBoth: Layer[] = [{ kind: "control" }, { kind: "noise" }, ...(sample.held ? [{ kind: "hold" } as const] : [])];
  return [{ kind: "none" }, ...phrases, { kind: "target" }, { kind: "pad" }, ...ofBoth];
}

/** Names a layer, the same in every pair that has it. */
export function layerKey(layer: Layer): string {
  return layer.kind === "base" ? `base ${layer.phrase}` : layer.kind;
}

const two = (number: number) => String(number).padStart(2, "0");

/** The name of a map inside the pair; undefined where there is none to show. */
export function mapName(sample: Sample, layer: Layer, path: Path, timestepIndex: number): string | undefined {
  const ofPhrase = (index: number) => `maps/${path}/${two(index)}_${two(timestepIndex)}.png`;
  switch (layer.kind) {
    case "none":
      return undefined;
    case "base":
      return ofPhrase(sample.phrases.indexOf(layer.phrase));
    case "target":
      return path === "response" ? ofPhrase(sample.phrases.length - 2) : undefined;
    case "pad":
      return ofPhrase(sample.phrases.length - 1);
    default:
      return `maps/${layer.kind}/${two(timestepIndex)}.png`;
  }
}
