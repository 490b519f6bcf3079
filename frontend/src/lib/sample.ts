/** The record of a pair (sample.json) and where its pictures are. */
import type { Comparison } from "../api/types";

export type Path = "reference" | "response";

/** What may lie over the portraits: nothing, one phrase's attention, or one of three maps of both models. */
export type Layer = { kind: "none" } | { kind: "phrase"; index: number } | { kind: "control" | "noise" | "hold" };

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

const two = (number: number) => String(number).padStart(2, "0");

/** The name of a map inside the pair; undefined where there is none to show. */
export function mapName(layer: Layer, path: Path, timestepIndex: number): string | undefined {
  switch (layer.kind) {
    case "none":
      return undefined;
    case "phrase":
      return `maps/${path}/${two(layer.index)}_${two(timestepIndex)}.png`;
    case "control":
    case "noise":
    case "hold":
      return `maps/${layer.kind}/${two(timestepIndex)}.png`;
  }
}
