/** Words for what is chosen first: how a training is done, and how long it takes. */

export interface Choice {
  value: string;
  name: string;
  words: string;
}

export const METHODS: readonly Choice[] = [
  {
    value: "spf",
    name: "SPF",
    words:
      "First learns the target from your pictures, then holds everything the target does not touch to what the original model draws.",
  },
  {
    value: "spf-paper",
    name: "SPF (paper)",
    words: "The paper's figure read word by word, without what our own measurements changed. For comparison.",
  },
  {
    value: "lora",
    name: "Plain LoRA",
    words: "Learns from your pictures and nothing more. Good as a yardstick: what else do the pictures drag along?",
  },
  {
    value: "naive",
    name: "Naive fine-tuning",
    words: "Trains every weight of the network. A yardstick too; its file is large, and only this studio draws with it.",
  },
];

/** Whether a method has a second path to be told about: its losses, its control map. */
export function isDualPath(method: unknown): boolean {
  return method === "spf" || method === "spf-paper";
}

/** What a method is called on the page; others than those on offer by their own name. */
export function methodName(method: string): string {
  return METHODS.find(({ value }) => value === method)?.name ?? method;
}

export const PRESETS: readonly Choice[] = [
  {
    value: "quick",
    name: "Quick",
    words: "The fewest steps: enough to see whether the target arrives.",
  },
  {
    value: "standard",
    name: "Standard",
    words: "More steps in both stages: the target comes out more surely, the rest is held more closely.",
  },
  {
    value: "thorough",
    name: "Thorough",
    words: "The most steps. For a result to keep; let it run while you do something else.",
  },
];
