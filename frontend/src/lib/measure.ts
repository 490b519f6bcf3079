/** Reads a pair's pictures and maps and measures what changed. What cannot be measured stays undefined. */
import { attentionMoved, changeUnder, mean, meanMap, pixelChanges, regionChange, type RegionChange } from "./evidence";
import { greyOf, pixelsOf, type Grey } from "./grey";
import { toPeak } from "./overlay";
import { attentionName, sharedName, type Path, type PhraseOf, type Sample } from "./sample";

type Files = Readonly<Record<string, string>>;

export interface PhraseChange {
  phrase: PhraseOf;
  /** share of its attention that lies elsewhere in the response */
  moved: number | undefined;
  /** mean change of the picture where the reference attends to it */
  changed: number | undefined;
}

export interface Evidence {
  /** mean change of a pixel, and the largest */
  overall: number;
  peak: number;
  region: RegionChange | undefined;
  phrases: PhraseChange[];
}

/** How much each pixel differs between the two pictures. */
export async function changesOf(files: Files): Promise<Grey> {
  const [reference, response] = await Promise.all([pixelsOf(address(files, "reference.png")), pixelsOf(address(files, "response.png"))]);
  const changes = pixelChanges(reference, response);
  if (!changes) throw new Error("The two pictures differ in size");
  return changes;
}

export async function evidenceOf(files: Files, sample: Sample): Promise<Evidence> {
  const changes = await changesOf(files);
  const base = sample.phrases.filter(({ kind }) => kind === "base");
  const [region, phrases] = await Promise.all([
    controlOf(files, sample).then((control) => control && regionChange(changes, control)),
    Promise.all(base.map((phrase) => phraseChange(files, sample, phrase, changes))),
  ]);
  return { overall: mean(changes.values), peak: toPeak(changes).peak, region, phrases };
}

/** The control map, averaged over the timesteps; undefined if the pair has none that can be read. */
export async function controlOf(files: Files, sample: Sample): Promise<Grey | undefined> {
  return meanMap(await read(sample, (timestep) => files[sharedName("control", timestep)]));
}

async function phraseChange(files: Files, sample: Sample, phrase: PhraseOf, changes: Grey): Promise<PhraseChange> {
  const mapsOf = (path: Path) => read(sample, (timestep) => files[attentionName(phrase, path, timestep) ?? ""]);
  const [reference, response] = await Promise.all([mapsOf("reference"), mapsOf("response")]);
  const attention = meanMap(reference);
  return {
    phrase,
    moved: attentionMoved(reference, response),
    changed: attention && changeUnder(changes, attention),
  };
}

/** One map for each timestep; none at all if one of them is missing. */
async function read(sample: Sample, urlAt: (timestep: number) => string | undefined): Promise<Grey[]> {
  const urls = sample.timesteps.map((_, timestep) => urlAt(timestep)).filter((url) => url !== undefined);
  if (urls.length < sample.timesteps.length) return [];
  return Promise.all(urls.map(greyOf)).catch(() => []);
}

function address(files: Files, name: string): string {
  const found = files[name];
  if (found === undefined) throw new Error(`This pair has no ${name}`);
  return found;
}
