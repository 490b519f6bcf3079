/** The record of a pair (sample.json) and where its pictures are. */
import type { Comparison } from "../api/types";
import { MAPS, type MapKind } from "./view";

export type Path = "reference" | "response";

/** A phrase that attention is recorded for; `key` is the same in every pair that has it. */
export interface PhraseOf {
  key: string;
  kind: "base" | "target" | "pad";
  text: string;
  /** its column in the names of files */
  column: number;
}

export interface Layer {
  name: string;
  rows: number;
  columns: number;
  /** the largest attention to each phrase, which is 1 in this layer's maps */
  white: number[];
}

export interface Sample {
  target: string;
  phrases: PhraseOf[];
  /** noise levels of the recorded maps, from noise to picture */
  timesteps: number[];
  /** those whose maps were recorded one by one */
  layers: Layer[];
  /** Whether the rest of the response was held to the original model. */
  held: boolean;
  seed: number | undefined;
  /** of the one adapter; undefined if several drew */
  strength: number | undefined;
  /** mean absolute change of a pixel when the tuned model draws the base text alone, 0 to 1; undefined if it was not drawn */
  reconstructionChange: number | undefined;
}

export function readSample(comparison: Pick<Comparison, "sample">): Sample {
  const record = comparison.sample;
  return {
    target: String(record["target"] ?? ""),
    phrases: phrasesOf(listOf(record["phrases"]).filter((entry) => typeof entry === "string")),
    timesteps: listOf(record["timesteps"]).filter((entry) => typeof entry === "number"),
    layers: listOf(record["layers"]).map(readLayer).filter((layer) => layer !== undefined),
    held: typeof record["hold"] === "object" && record["hold"] !== null,
    seed: numberOf(record["seed"]),
    strength: listOf(record["adapters"]).length ? undefined : numberOf(record["strength"]),
    reconstructionChange: numberOf(record["reconstruction_change"]),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function readLayer(value: unknown): Layer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, rows, columns, white } = value as Record<string, unknown>;
  if (typeof name !== "string" || typeof rows !== "number" || typeof columns !== "number") return undefined;
  return { name, rows, columns, white: listOf(white).filter((entry) => typeof entry === "number") };
}

/** The record lists base phrases, the target, PAD. */
function phrasesOf(texts: readonly string[]): PhraseOf[] {
  return texts.map((text, column) => {
    if (column === texts.length - 1) return { key: "pad", kind: "pad", text, column };
    if (column === texts.length - 2) return { key: "target", kind: "target", text, column };
    return { key: `base ${text}`, kind: "base", text, column };
  });
}

export function basePhrases(sample: Sample): string[] {
  return sample.phrases.filter(({ kind }) => kind === "base").map(({ text }) => text);
}

/** The maps that a pair has. */
export function mapsOf(sample: Sample): MapKind[] {
  if (!sample.timesteps.length) return [];
  return MAPS.filter((kind) => kind !== "hold" || sample.held);
}

const two = (number: number) => String(number).padStart(2, "0");

/** The name of a phrase's attention map; undefined where there is none: the reference is not asked for the target. */
export function attentionName(phrase: PhraseOf, path: Path, timestep: number, layer?: number): string | undefined {
  if (phrase.kind === "target" && path === "reference") return undefined;
  const file = `${two(phrase.column)}_${two(timestep)}.png`;
  return layer === undefined ? `maps/${path}/${file}` : `maps/layers/${path}/${two(layer)}/${file}`;
}

/** The name of a map that both pictures share. */
export function sharedName(kind: "control" | "noise" | "hold", timestep: number): string {
  return `maps/${kind}/${two(timestep)}.png`;
}

/** The index of the timestep to show: the wanted one as far as the pair has it, or the middle. */
export function timestepOf(sample: Sample, wanted: number | undefined): number {
  const last = sample.timesteps.length - 1;
  return Math.max(0, Math.min(wanted ?? Math.floor(sample.timesteps.length / 2), last));
}
