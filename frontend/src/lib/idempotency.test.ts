import { expect, test } from "vitest";
import { orderKeys } from "./idempotency";

test("one key for one order, until it changes or was carried out", () => {
  const keys = orderKeys();
  const first = keys.keyFor({ rank: 4 });
  expect(keys.keyFor({ rank: 4 })).toBe(first);
  expect(keys.keyFor({ rank: 8 })).not.toBe(first);
  const again = keys.keyFor({ rank: 4 });
  keys.carriedOut();
  expect(keys.keyFor({ rank: 4 })).not.toBe(again);
});
