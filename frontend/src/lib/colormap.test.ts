import { expect, test } from "vitest";
import { colour, opacity, paint } from "./colormap";

test("lightness rises with the value", () => {
  const lightness = Array.from({ length: 101 }, (_, step) => {
    const [red, green, blue] = colour(step / 100);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  for (let step = 1; step < lightness.length; step += 1) {
    expect(lightness[step]).toBeGreaterThan(lightness[step - 1] as number);
  }
});

test("values outside 0..1 take the nearest colour", () => {
  expect(colour(-3)).toEqual(colour(0));
  expect(colour(7)).toEqual(colour(1));
});

test("strength 0 hides the map, and strong answers cover more", () => {
  expect(opacity(1, 0)).toBe(0);
  expect(opacity(1, 0.5)).toBeGreaterThan(opacity(0.1, 0.5));
});

test("paint replaces grey by colour", () => {
  const pixels = new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255]);
  paint(pixels, 1);
  expect([...pixels]).toEqual([...colour(1), 255, ...colour(0), Math.round(255 * 0.3)]);
});
