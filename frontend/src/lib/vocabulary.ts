/** Words that a base model has never seen. The engine (spf_portrait/contract/vocabulary.py) splits texts in the same way. */

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}]/gu;
const BESIDE_WORDS = /[^\p{L}\p{M}\p{N}\p{So}'’]+/gu;
const OUTER_APOSTROPHES = /^['’]+|['’]+$/g;
const MOST_LISTED = 12;

/** Words in lower case and in order: runs of letters, digits and pictograms, also around an apostrophe ("man's"). */
export function wordsOf(text: string): string[] {
  const tidied = text.normalize("NFC").replace(/\s+/g, " ").replace(INVISIBLE, "").toLowerCase();
  return tidied
    .replace(BESIDE_WORDS, " ")
    .split(" ")
    .map((word) => word.replace(OUTER_APOSTROPHES, ""))
    .filter((word) => word !== "");
}

/** Words of a text that are not in the vocabulary, each once, in order; "man's" counts as "man". */
export function unseenWords(text: string, vocabulary: ReadonlySet<string>): string[] {
  const isUnseen = (word: string) => !vocabulary.has(word.split(/['’]/, 1)[0] ?? "");
  return [...new Set(wordsOf(text).filter(isUnseen))];
}

/** The first words of a list, and how many more there are. */
export function listed(words: readonly string[]): string {
  const more = words.length - MOST_LISTED;
  return words.slice(0, MOST_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
