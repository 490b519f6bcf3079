import { expect, test } from "vitest";
import type { Comparison } from "../api/types";
import { mapName, readSample } from "./sample";

test("map names are those of the studio's files", () => {
  expect(mapName({ kind: "phrase", index: 3 }, "response", 7)).toBe("maps/response/03_07.png");
  expect(mapName({ kind: "control" }, "reference", 0)).toBe("maps/control/00.png");
  expect(mapName({ kind: "noise" }, "response", 12)).toBe("maps/noise/12.png");
  expect(mapName({ kind: "hold" }, "reference", 3)).toBe("maps/hold/03.png");
  expect(mapName({ kind: "none" }, "response", 0)).toBeUndefined();
});

test("a pair says whether its rest was held; older ones do not speak of it", () => {
  const held = (sample: Comparison["sample"]) => readSample({ sample } as Comparison).held;
  expect(held({ hold: { firmness: 1 } })).toBe(true);
  expect(held({ hold: null })).toBe(false);
  expect(held({})).toBe(false);
});
