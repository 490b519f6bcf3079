import { expect, test } from "vitest";
import { figureText, intervalText, type Metric } from "./figures";

function metric(unit: string, value?: number, interval_95: [number, number] | null = null): Metric {
  const figure = value === undefined ? null : { value, interval_95, count: 24 };
  return { name: "m", title: "M", unit, better: "lower", meaning: "", figure, missing: null };
}

test("shares are told in percent, other units by their name", () => {
  expect(figureText(metric("share", 0.9167))).toBe("91.7 %");
  expect(figureText(metric("of full scale", 0.0284))).toBe("2.84 %");
  expect(figureText(metric("dB", 31.26))).toBe("31.3 dB");
  expect(figureText(metric("cosine", 0.8123))).toBe("0.81");
  expect(figureText(metric("", 384.03))).toBe("384");
});

test("what has no figure is not measured, and few pictures have no interval", () => {
  expect(figureText(metric("share"))).toBe("not measured");
  expect(intervalText(metric("share", 0.5))).toBe("");
  expect(intervalText(metric("share", 0.5, [0.25, 0.75]))).toBe("25 to 75 %");
});
