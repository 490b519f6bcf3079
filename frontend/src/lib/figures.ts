/** Figures of an evaluation, as a person reads them. */
import type { Evaluation } from "../api/types";

export type Metric = Evaluation["metrics"][number];

/** Of a whole: these units are told in percent. */
const SHARES = ["share", "of full scale"];

export function figureText(metric: Metric): string {
  return metric.figure ? inUnit(metric.figure.value, metric.unit) : "not measured";
}

/** "12 to 34 %"; empty where the pictures were too few to tell. */
export function intervalText(metric: Metric): string {
  const interval = metric.figure?.interval_95;
  return interval ? `${number(interval[0], metric.unit)} to ${inUnit(interval[1], metric.unit)}` : "";
}

function inUnit(value: number, unit: string): string {
  const shown = SHARES.includes(unit) ? "%" : unit;
  return shown === "" || shown === "cosine" ? number(value, unit) : `${number(value, unit)} ${shown}`;
}

function number(value: number, unit: string): string {
  const shown = SHARES.includes(unit) ? 100 * value : value;
  return shown.toLocaleString("en", { maximumFractionDigits: Math.abs(shown) < 10 && unit !== "" ? 2 : 1, useGrouping: false });
}
