import { expect, test } from "vitest";
import { COMPARED, methodName, METHODS } from "./settings";

test("every method has a name of its own, and others are shown as they are called", () => {
  const all = [...METHODS, ...COMPARED];
  expect(new Set(all.map(({ value }) => methodName(value))).size).toBe(all.length);
  expect(methodName("tokencompose")).toBe("tokencompose");
});
