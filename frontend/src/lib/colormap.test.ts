import { expect, test } from "vitest";
import { colour, coverage, paint, twoSidedColour, type Colour } from "./colormap";

const lightness = ([red, green, blue]: Colour) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

test("lightness rises with the value", () => {
  const steps = Array.from({ length: 101 }, (_, step) => lightness(colour(step / 100)));
  for (let step = 1; step < steps.length; step += 1) expect(steps[step]).toBeGreaterThan(steps[step - 1] as number);
});

test("two-sided colours are darkest at both ends, blue for less and red for more", () => {
  expect(lightness(twoSidedColour(0))).toBeGreaterThan(lightness(twoSidedColour(0.5)));
  expect(lightness(twoSidedColour(-0.5))).toBeGreaterThan(lightness(twoSidedColour(-1)));
  expect(twoSidedColour(-1)[2]).toBeGreaterThan(twoSidedColour(-1)[0]);
  expect(twoSidedColour(1)[0]).toBeGreaterThan(twoSidedColour(1)[2]);
});

test("values outside the scale take the nearest colour", () => {
  expect(colour(-3)).toEqual(colour(0));
  expect(colour(7)).toEqual(colour(1));
});

test("zero is not tinted at any opacity, and weak values cover less than strong ones", () => {
  expect(coverage(0, 1)).toBe(0);
  expect(coverage(0.1, 1)).toBeLessThan(coverage(0.2, 1));
  expect(coverage(-0.1, 1)).toBe(coverage(0.1, 1));
  expect(coverage(1, 0.5)).toBe(0.5);
  expect(coverage(1, 0)).toBe(0);
});

test("paint writes a colour for every value", () => {
  const pixels = new Uint8ClampedArray(8);
  paint(pixels, [1, 0], 1, false);
  expect([...pixels]).toEqual([...colour(1), 255, ...colour(0), 0]);
  paint(pixels, [-1, 0], 0.5, true);
  expect([...pixels.slice(0, 4)]).toEqual([...twoSidedColour(-1), 128]);
});
