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
];

/** Methods to compare with. TokenCompose is not among them: it needs masks, which the studio's caption sets have not. */
export const COMPARED: readonly Choice[] = [
  {
    value: "spf-paper",
    name: "SPF (paper)",
    words: "The paper's figure read word by word, without what our own measurements changed.",
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
  { value: "weight-l2", name: "LoRA, weight L2", words: "A LoRA that pays for every change of a weight." },
  { value: "adalora", name: "AdaLoRA", words: "A LoRA with more room where the network needs it, and less elsewhere." },
  {
    value: "output-preservation",
    name: "LoRA, output preservation",
    words: "A LoRA whose answers to texts without the target are held to the original model’s.",
  },
  {
    value: "purecc",
    name: "PureCC",
    words: "A LoRA that may move its answer only along what a first training learnt of the target.",
  },
  {
    value: "concept-slider",
    name: "Concept Slider",
    words: "Moves every answer along the target’s direction. No words ask for it: while it is on, it shows.",
  },
];

/** Whether a method has a second path to be told about: its losses, its control map. */
export function isDualPath(method: unknown): boolean {
  return method === "spf" || method === "spf-paper";
}

/** What a method is called on the page; others than those on offer by their own name. */
export function methodName(method: string): string {
  return [...METHODS, ...COMPARED].find(({ value }) => value === method)?.name ?? method;
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
