import { expect, test } from "vitest";
import { baseText, beside, sharedTarget, splitPhrases } from "./phrases";

test("phrases are split at commas and tidied", () => {
  expect(splitPhrases(" a  woman, ,a brown jacket,")).toEqual(["a woman", "a brown jacket"]);
});

test("joining and splitting undo one another", () => {
  const phrases = ["a woman", "a curtain background"];
  expect(splitPhrases(baseText(phrases))).toEqual(phrases);
});

test("a target that is still among the base phrases leaves them", () => {
  expect(beside(["a woman", "Sunglasses"], " sunglasses")).toEqual(["a woman"]);
  expect(beside(["a woman"], "sunglasses")).toEqual(["a woman"]);
});

test("a shared target is one that no caption contradicts", () => {
  expect(sharedTarget(["sunglasses", null, "sunglasses"])).toBe("sunglasses");
  expect(sharedTarget(["sunglasses", "a beard"])).toBeNull();
  expect(sharedTarget([null])).toBeNull();
});
