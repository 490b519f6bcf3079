/** The order of a training, as the form has it. */
import type { TrainingOrder } from "../api/types";
import type { Field } from "./settingFields";

type Value = string | number | boolean;
type Options = NonNullable<TrainingOrder["spec"]>;

export interface Chosen {
  base: string;
  method: string;
  preset: string;
}

/** What was typed into each field, by its name; "" and a missing one leave it to the preset. */
export type Typed = Readonly<Record<string, string>>;

/** Pictures along the way are wanted in the page, which shows them; their steps can be changed like any other setting. */
export const FIRST_TYPED: Typed = { preview_every: "100" };

function valueOf(field: Field, typed: string): Value {
  if (field.kind === "switch") return typed === "true";
  return field.kind === "choice" ? typed : Number(typed);
}

/**
 * The preset, and of the rest only what the user set.
 *
 * `resolved` is what the preset alone comes to: a part of a group is ordered with the rest of its group, which would otherwise
 * fall back to defaults that are not the preset's.
 */
export function trainingSpec(chosen: Chosen, fields: readonly Field[], typed: Typed, resolved: Options | null | undefined): Options {
  const spec: Options = { ...chosen };
  for (const field of fields) {
    const text = typed[field.name]?.trim() ?? "";
    if (text === "") continue;
    const [name = "", ...parts] = field.name.split(".");
    spec[name] = placed(spec[name] ?? resolved?.[name], parts, valueOf(field, text));
  }
  return spec;
}

/** The value itself, or what was there with the value at its place in it, however deep. */
function placed(before: unknown, parts: readonly string[], value: Value): unknown {
  const [part, ...deeper] = parts;
  if (part === undefined) return value;
  const around = (before ?? {}) as Options;
  return { ...around, [part]: placed(around[part], deeper, value) };
}

/** What a field comes to if it is left alone, in words. */
export function presetValue(resolved: Options | null | undefined, name: string): string {
  const value = name.split(".").reduce<unknown>((found, part) => (found as Options | undefined)?.[part], resolved ?? undefined);
  if (value === null || value === undefined) return "";
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value).replaceAll("_", " ");
}
