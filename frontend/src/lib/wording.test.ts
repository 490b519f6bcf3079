import { expect, test } from "vitest";
import { count, duration, fileSize, inWords } from "./wording";

test("durations", () => {
  expect([0.4, 59.6, 61, 3725].map(duration)).toEqual(["0 s", "1 min 0 s", "1 min 1 s", "1 h 2 min"]);
});

test("sizes", () => {
  expect([12, 88_400, 12_340_000].map(fileSize)).toEqual(["12 bytes", "88 kB", "12.3 MB"]);
});

test("counts", () => {
  expect([count(1, "portrait"), count(24, "portrait")]).toEqual(["1 portrait", "24 portraits"]);
});

test("names in a sentence", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(inWords)).toEqual(["", "a", "a and b", "a, b and c"]);
});
