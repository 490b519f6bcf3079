import { expect, test } from "vitest";
import { mapName } from "./sample";

test("map names are those of the studio's files", () => {
  expect(mapName({ kind: "phrase", index: 3 }, "response", 7)).toBe("maps/response/03_07.png");
  expect(mapName({ kind: "control" }, "reference", 0)).toBe("maps/control/00.png");
  expect(mapName({ kind: "noise" }, "response", 12)).toBe("maps/noise/12.png");
  expect(mapName({ kind: "none" }, "response", 0)).toBeUndefined();
});
