/** The fields of the form for all settings of a training, made from the studio's JSON schema of them. */
import type { Settings } from "../api/types";

export interface Field {
  /** place in the order; a dot leads into a group of its own, as in "losses.enhancement" */
  name: string;
  title: string;
  /** what it does, as a sentence */
  words: string;
  /** "" where it has none */
  unit: string;
  kind: "whole" | "number" | "choice" | "switch";
  min?: number;
  max?: number;
  choices: readonly string[];
}

export interface FieldGroup {
  title: string;
  fields: Field[];
}

interface Schema {
  type?: string;
  description?: string;
  minimum?: number;
  maximum?: number;
  enum?: unknown[];
  anyOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema>;
  $defs?: Record<string, Schema>;
}

const UNITS: readonly [ending: RegExp, unit: string][] = [
  [/_px$/, "px"],
  [/_db$/, "dB"],
  [/(_steps|_every)$/, "steps"],
];

/** Groups in the studio's order; settings that have settings of their own stand with these. */
export function fieldGroups(settings: Settings): FieldGroup[] {
  const specification = settings.specification as Schema;
  return settings.groups.map(({ title, settings: names }) => ({
    title,
    fields: names.flatMap((name) => fieldsOf(name, specification.properties?.[name] ?? {}, specification.$defs ?? {})),
  }));
}

function fieldsOf(name: string, schema: Schema, defs: Record<string, Schema>): Field[] {
  const nested = schema.$ref && defs[schema.$ref.replace("#/$defs/", "")];
  if (!nested) return [fieldOf(name, schema)];
  return Object.entries(nested.properties ?? {}).flatMap(([key, inner]) => fieldsOf(`${name}.${key}`, inner, defs));
}

function fieldOf(name: string, schema: Schema): Field {
  const known = schema.anyOf?.find((one) => one.type !== "null") ?? schema;
  return {
    name,
    title: titleOf(name),
    words: sentence(schema.description ?? known.description ?? ""),
    unit: UNITS.find(([ending]) => ending.test(name))?.[1] ?? "",
    kind: kindOf(known),
    ...(known.minimum === undefined ? {} : { min: known.minimum }),
    ...(known.maximum === undefined ? {} : { max: known.maximum }),
    choices: (known.enum ?? []).map(String),
  };
}

function kindOf(schema: Schema): Field["kind"] {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "switch";
  return schema.type === "integer" ? "whole" : "number";
}

/** Of a setting two groups deep, as those of the methods for comparison, with the inner group before it. */
function titleOf(name: string): string {
  const parts = name.split(".");
  const words = parts
    .slice(parts.length > 2 ? -2 : -1)
    .join(": ")
    .replace(/^w_(.*)/, "$1_weight")
    .replace(/_(px|db)$/, "")
    .replace(/_min_snr$/, "_from_signal-to-noise")
    .replace(/([a-z])(\d)/, "$1 $2")
    .replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return begun && !begun.endsWith(".") ? `${begun}.` : begun;
}

/** "1 to 64", as far as there are bounds. */
export function boundsOf(field: Field): string {
  if (field.min === undefined || field.max === undefined) return "";
  const [least, most] = [field.min, field.max].map((bound) => bound.toLocaleString("en", { maximumFractionDigits: 8 }));
  return `${least} to ${most}${field.unit && ` ${field.unit}`}`;
}

/** What is wrong with what was typed; "" for nothing, and for a field that is left to the preset. */
export function complaint(field: Field, typed: string): string {
  if (typed.trim() === "" || field.kind === "choice" || field.kind === "switch") return "";
  const value = Number(typed);
  const fits = Number.isFinite(value) && value >= (field.min ?? -Infinity) && value <= (field.max ?? Infinity);
  if (fits && (field.kind === "number" || Number.isInteger(value))) return "";
  return `Found ${typed.trim()}; allowed: ${field.kind === "whole" ? "whole numbers, " : ""}${boundsOf(field)}.`;
}
