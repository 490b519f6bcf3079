import { expect, test } from "vitest";
import { formatHash, parseHash } from "./hash";

test("a place survives the address bar", () => {
  const place = { page: "compare", set: "ds_a1", adapter: "adp_b2", pair: "job_c3" } as const;
  expect(parseHash(formatHash(place))).toEqual(place);
});

test("no hash, or an unknown page, is home", () => {
  expect(parseHash("")).toEqual({ page: "home" });
  expect(parseHash("#/nowhere?set=ds_1")).toEqual({ page: "home", set: "ds_1" });
});

test("ids that could not be ids are dropped", () => {
  expect(parseHash("#/train?job=../../etc&set=<b>")).toEqual({ page: "train" });
});
