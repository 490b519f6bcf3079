import { expect, test } from "vitest";
import { shownSide } from "./whole";

test("a small picture grows by whole multiples only", () => {
  expect(shownSide(128, 570)).toBe(512);
  expect(shownSide(128, 639.9)).toBe(512);
  expect(shownSide(128, 640)).toBe(640);
});

test("what counts are the pixels of the screen", () => {
  expect(shownSide(128, 175, 3)).toBeCloseTo(512 / 3);
});

test("a picture larger than the room fills it", () => {
  expect(shownSide(1024, 600)).toBe(600);
  expect(shownSide(128, 100)).toBe(100);
  expect(shownSide(0, 100)).toBe(0);
  expect(shownSide(128, 0)).toBe(0);
});
