import { expect, test } from "vitest";
import { formatView, parseView, PLAIN, type View } from "./view";

const read = (text: string) => parseView(new URLSearchParams(text));

test("a view survives the address", () => {
  const view: View = {
    mode: "divider",
    map: "change",
    phrase: "base a woman, 100 % & more",
    timestep: 0,
    layer: 3,
    opacity: 0.35,
    divide: 12.5,
    zoom: 2.5,
    x: -0.125,
    y: 0.3,
    seeds: 4,
    strengths: [0.5, 1, 1.5],
  };
  expect(read(new URLSearchParams(formatView(view)).toString())).toEqual(view);
});

test("the plain view says nothing, and nothing is the plain view", () => {
  expect(formatView(PLAIN)).toEqual([]);
  expect(read("")).toEqual(PLAIN);
});

test("what is amiss is left out", () => {
  const address = "mode=sideways&map=treasure&t=-1&layer=1.5&opacity=7&divide=x&zoom=900&x=NaN&seeds=99&strengths=9 a";
  expect(read(address)).toEqual({ ...PLAIN, seeds: 8 });
});
