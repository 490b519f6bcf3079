import { expect, test } from "vitest";
import { COMPARED, isDualPath, methodName, METHODS, trainingSpec } from "./settings";

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

const rivals = COMPARED.map(({ value }) => value).filter((method) => !isDualPath(method));

test.each(rivals)("%s is not told what only the two paths know", (method) => {
  const spec = trainingSpec({ ...chosen, method }, { w_enhancement: 2, rank: 4 }, { enhancement: false });
  expect(spec).toEqual({ ...chosen, method, rank: 4 });
});

test("every method has a name of its own, and others are shown as they are called", () => {
  const all = [...METHODS, ...COMPARED];
  expect(new Set(all.map(({ value }) => methodName(value))).size).toBe(all.length);
  expect(methodName("tokencompose")).toBe("tokencompose");
});

test("the paper's reading can be changed like our own", () => {
  const spec = trainingSpec({ ...chosen, method: "spf-paper" }, { w_enhancement: 2 }, { enhancement: false });
  expect(spec).toMatchObject({ method: "spf-paper", w_enhancement: 2, losses: { enhancement: false } });
});
