/** What lies over each of the two pictures. */
import { greyOf, type Grey } from "./grey";
import { attentionName, sharedName, type Path, type PhraseOf, type Sample } from "./sample";
import type { MapKind } from "./view";

export interface Overlay {
  /** of the file or files that are shown */
  name: string;
  load: () => Promise<Grey>;
  twoSided: boolean;
  /** Whether it has few cells, as a single layer's maps do. */
  cells: boolean;
}

/** Which map is looked at. */
export interface Wanted {
  map: MapKind;
  /** undefined shows no attention */
  phrase: PhraseOf | undefined;
  timestep: number;
  layer: number | undefined;
}

/** Undefined if that picture has none. `files` are names in the pair → addresses. */
export function overlayOf(files: Readonly<Record<string, string>>, wanted: Wanted, path: Path): Overlay | undefined {
  const { map, phrase, timestep, layer } = wanted;
  if (map !== "words" && map !== "change") {
    const url = files[sharedName(map, timestep)];
    return url === undefined ? undefined : { name: url, load: () => greyOf(url), twoSided: false, cells: false };
  }
  if (!phrase) return undefined;
  const urlOf = (one: Path) => files[attentionName(phrase, one, timestep, layer) ?? ""];
  const [own, reference, response] = [urlOf(path), urlOf("reference"), urlOf("response")];
  const cells = layer !== undefined;
  if (map === "words") return own === undefined ? undefined : { name: own, load: () => greyOf(own), twoSided: false, cells };
  if (reference === undefined || response === undefined) return undefined;
  const load = async () => minus(await greyOf(response), await greyOf(reference));
  return { name: `${response} − ${reference}`, load, twoSided: true, cells };
}

/** Both have one scale: white is the phrase's largest attention in either picture. */
export function minus(response: Grey, reference: Grey): Grey {
  if (response.values.length !== reference.values.length) throw new Error("The maps of the two pictures differ in size");
  return { ...response, values: response.values.map((value, at) => value - (reference.values[at] as number)) };
}

/** A map divided by its largest value, which is 1 then. */
export function toPeak(map: Grey): { map: Grey; peak: number } {
  const peak = map.values.reduce((largest, value) => Math.max(largest, value), 0);
  return { map: peak > 0 ? { ...map, values: map.values.map((value) => value / peak) } : map, peak };
}

/** The wanted phrase in this pair, if it has it. */
export function phraseIn(sample: Sample, key: string): PhraseOf | undefined {
  return sample.phrases.find((phrase) => phrase.key === key);
}
