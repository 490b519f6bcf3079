/** What each map is called, and what it tells. */
import type { Wanted } from "./overlay";
import type { MapKind } from "./view";

const NAMES: Readonly<Record<MapKind, string>> = {
  words: "Attention to a word",
  change: "Response minus reference",
  control: "Control map",
  noise: "Noise difference",
  hold: "Hold map",
};

export function mapName(kind: MapKind): string {
  return NAMES[kind];
}

export function mapWords(wanted: Pick<Wanted, "map" | "phrase">, target: string): string {
  const { map, phrase } = wanted;
  switch (map) {
    case "control":
      return "Where the target may answer. Training holds everything outside the bright places to the reference.";
    case "noise":
      return "How far apart the two predictions of noise are at this timestep: all that the target moves, wanted or not.";
    case "hold":
      return "Where the adapter drew. In the dark places the original model did; if the target’s place is dark, lower the thresholds of the hold.";
    default:
      break;
  }
  if (!phrase) return "Point at a word under the pictures to see where they look for it; press it to keep it.";
  if (map === "change") {
    const words = phrase.kind === "pad" ? "the end of the text" : `“${phrase.text}”`;
    return `Where the response attends more or less to ${words} than the reference. It has the target to attend to, too, so a little less everywhere is to be expected.`;
  }
  if (phrase.kind === "target") return `Where the response listens to “${target}”, the target.`;
  if (phrase.kind === "pad") return "What looks at no word at all but at the end and the padding of the text. A target that leaks often leaks through here.";
  return `Where each picture listens to “${phrase.text}”. The two should look alike: the phrase keeps its place.`;
}
