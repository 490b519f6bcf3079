import { expect, test } from "vitest";
import { edgesOf } from "./outline";

test("a cell has four edges, and neighbours share none", () => {
  const map = (...values: number[]) => ({ width: 2, height: 1, values: Float32Array.from(values) });
  expect(edgesOf(map(1, 0), 0.5)).toBe("M0 0v1M0 0h1M1 0v1M0 1h1");
  expect(edgesOf(map(0.5, 0.5), 0.5)).toBe("M0 0v1M0 0h1M1 0h1M2 0v1M0 1h1M1 1h1");
  expect(edgesOf(map(0, 0.4), 0.5)).toBe("");
});
