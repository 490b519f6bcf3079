/** Phrases of a caption: the base ones in order, and the target that a training teaches. */

export const LONGEST_PHRASE = 80;

/** "a woman, a brown jacket" → ["a woman", "a brown jacket"] */
export function splitPhrases(text: string): string[] {
  return text
    .split(",")
    .map((phrase) => phrase.trim().replace(/\s+/g, " "))
    .filter((phrase) => phrase !== "");
}

/** The one target that captions name; null when they name none, or different ones. Captions without one do not count. */
export function sharedTarget(targets: readonly (string | null)[]): string | null {
  const named = new Set(targets.filter((target) => target !== null));
  return named.size === 1 ? ([...named][0] ?? null) : null;
}

/** The base phrases beside a target, which may still be among them. */
export function beside(phrases: readonly string[], target: string): string[] {
  const plain = (text: string) => text.trim().toLowerCase();
  return phrases.filter((phrase) => plain(phrase) !== plain(target));
}

export function baseText(phrases: readonly string[]): string {
  return phrases.join(", ");
}
