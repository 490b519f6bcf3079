import { expect, test } from "vitest";
import { phasesOf, specRows } from "./jobs";

test("settings are shown flat, and what is unset is not shown", () => {
  expect(specRows({ batch_size: 4, image_size_px: null, losses: { fine_grained: false } })).toEqual([
    ["batch size", "4"],
    ["losses: fine grained", "off"],
  ]);
});

test.each(["lora", "naive"])("%s does not hold the rest, and does not claim to", (method) => {
  const names = phasesOf(method).map((phase) => phase.name);
  expect(names.some((name) => name.includes("hold"))).toBe(false);
});
