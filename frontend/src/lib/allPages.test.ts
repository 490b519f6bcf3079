import { expect, test } from "vitest";
import { allPages } from "./allPages";

test("all pages are read in order, and no more than is asked for", async () => {
  const asked: (string | null)[] = [];
  const load = async (cursor: string | null) => {
    asked.push(cursor);
    const at = Number(cursor ?? 0);
    return { data: [at], next_cursor: String(at + 1), has_more: at < 2 };
  };
  expect(await allPages(load)).toEqual([0, 1, 2]);
  expect(asked).toEqual([null, "1", "2"]);
  expect(await allPages(load, 2)).toEqual([0, 1]);
});
