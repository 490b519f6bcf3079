/** Words and bounds for what a training can be told. The studio checks the same bounds again. */

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
    words: "The fewest steps, enough to see whether the target arrives. With pico, a few minutes on a laptop.",
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

export interface NumberSetting {
  key: string;
  name: string;
  words: string;
  min: number;
  max: number;
  step: number | "any";
  /** The setting means nothing to methods without a second path. */
  dualPath?: true;
}

const NUMBERS: readonly NumberSetting[] = [
  {
    key: "stage1_steps",
    name: "Stage 1 steps",
    words: "Learning the target from the pictures. Too few and it never shows.",
    min: 0,
    max: 20_000,
    step: 1,
  },
  {
    key: "stage2_steps",
    name: "Stage 2 steps",
    words: "Aligning with the original model. Too few and pollution stays.",
    min: 0,
    max: 20_000,
    step: 1,
  },
  {
    key: "batch_size",
    name: "Batch size",
    words: "Pictures per step. More is steadier, slower, and needs more memory.",
    min: 1,
    max: 64,
    step: 1,
  },
  {
    key: "learning_rate",
    name: "Learning rate",
    words: "Size of a step. Too large and pictures fall apart.",
    min: 1e-6,
    max: 1e-1,
    step: "any",
  },
  {
    key: "warmup_steps",
    name: "Warm-up steps",
    words: "At the very beginning steps grow up to the learning rate.",
    min: 0,
    max: 2_000,
    step: 1,
  },
  { key: "rank", name: "Adapter rank", words: "Room in the adapter; the file grows with it.", min: 1, max: 128, step: 1 },
  {
    key: "seed",
    name: "Seed",
    words: "The same seed and settings give the same adapter.",
    min: 0,
    max: 2_147_483_647,
    step: 1,
  },
  {
    key: "w_text_consistent",
    dualPath: true,
    name: "Text-consistent weight",
    words: "How strongly each phrase keeps looking where it looked.",
    min: 0,
    max: 100,
    step: "any",
  },
  {
    key: "w_fine_grained",
    dualPath: true,
    name: "Fine-grained weight",
    words: "How strongly layout and detail are held.",
    min: 0,
    max: 100,
    step: "any",
  },
  {
    key: "w_prediction_anchor",
    dualPath: true,
    name: "Answer weight",
    words: "How strongly the picture itself is held where the target does not answer.",
    min: 0,
    max: 100,
    step: "any",
  },
  {
    key: "w_enhancement",
    dualPath: true,
    name: "Enhancement weight",
    words: "How strongly the target itself is pushed.",
    min: 0,
    max: 100,
    step: "any",
  },
  {
    key: "control_map_gain",
    dualPath: true,
    name: "Control map gain",
    words: "How strongly base phrases take their places out of the control map.",
    min: 0,
    max: 4,
    step: "any",
  },
];

export function numbersFor(method: string): NumberSetting[] {
  return NUMBERS.filter((setting) => !setting.dualPath || isDualPath(method));
}

export interface Switch {
  key: string;
  name: string;
  words: string;
}

export const SWITCHES: readonly Switch[] = [
  { key: "text_consistent", name: "Text-consistent loss", words: "Off: phrases may start to answer elsewhere." },
  { key: "fine_grained", name: "Fine-grained loss", words: "Off: identity and layout drift." },
  { key: "enhancement", name: "Response enhancement", words: "Off: the target answers more weakly." },
  { key: "control_map", name: "Control map", words: "Off: everything is held, the target’s own place too." },
];

/** The order of a training: the preset, and of the rest only what the user set. */
export function trainingSpec(
  chosen: { base: string; method: string; preset: string },
  numbers: Readonly<Record<string, number | undefined>>,
  switches: Readonly<Record<string, boolean>>,
): Record<string, string | number | Record<string, boolean>> {
  const spec: Record<string, string | number | Record<string, boolean>> = { ...chosen };
  for (const { key } of numbersFor(chosen.method)) {
    const value = numbers[key];
    if (value !== undefined && Number.isFinite(value)) spec[key] = value;
  }
  if (isDualPath(chosen.method) && SWITCHES.some(({ key }) => switches[key] === false)) {
    spec["losses"] = Object.fromEntries(SWITCHES.map(({ key }) => [key, switches[key] !== false]));
  }
  return spec;
}
