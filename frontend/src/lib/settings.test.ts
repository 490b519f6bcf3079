import { expect, test } from "vitest";
import { trainingSpec } from "./settings";

const chosen = { base: "pico", method: "spf", preset: "quick" };

test("what the user left alone is left to the preset", () => {
  expect(trainingSpec(chosen, { stage1_steps: undefined }, {})).toEqual(chosen);
});

test("numbers and switches arrive under their own names", () => {
  const spec = trainingSpec(chosen, { stage1_steps: 0, rank: 4 }, { enhancement: false });
  expect(spec).toEqual({
    ...chosen,
    stage1_steps: 0,
    rank: 4,
    losses: { text_consistent: true, fine_grained: true, enhancement: false, control_map: true },
  });
});

test("plain LoRA is not told what only SPF knows", () => {
  const spec = trainingSpec({ ...chosen, method: "lora" }, { w_enhancement: 2, rank: 4 }, { enhancement: false });
  expect(spec).toEqual({ ...chosen, method: "lora", rank: 4 });
});
