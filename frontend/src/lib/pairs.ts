/** Which adapters draw a pair, and how strongly. */
import type { Adapter, Base, Job } from "../api/types";
import { wordsOf } from "./vocabulary";

export interface AdapterUse {
  adapter: string;
  /** factor on the adapter's weights; 0 is exactly off */
  strength: number;
}

export const STRONGEST = 2;

function readUse(value: unknown): AdapterUse | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { adapter, strength } = value as Record<string, unknown>;
  return typeof adapter === "string" ? { adapter, strength: typeof strength === "number" ? strength : 1 } : undefined;
}

/** What the order of a pair names; none for a pair of the original model. */
export function usesOf(pair: Job): AdapterUse[] {
  const { adapters, strength } = pair.spec;
  const several = Array.isArray(adapters) ? adapters.map(readUse).filter((use) => use !== undefined) : [];
  if (several.length) return several;
  const alone = readUse({ adapter: pair.source_adapter_id, strength });
  return alone ? [alone] : [];
}

/** The part of an order that names the adapters: one by its id, several in the specification. */
export function orderOf(uses: readonly AdapterUse[]) {
  const [first, ...others] = uses;
  return others.length
    ? { adapter_id: null, spec: { adapters: uses.map((use) => ({ ...use })) } }
    : { adapter_id: first?.adapter ?? null, spec: { strength: first?.strength ?? 1 } };
}

/** Adapters that can draw beside one: of its base model, and loaded as LoRA. */
export function companions(adapter: Adapter, all: readonly Adapter[]): Adapter[] {
  const isLora = (one: Adapter) => one.loads_in === null || one.loads_in.length > 0;
  return isLora(adapter) ? all.filter((one) => one.id !== adapter.id && one.base === adapter.base && isLora(one)) : [];
}

/** A target that names what both were taught; joined without "and" for a model that has never seen the word. */
export function jointTarget(adapter: Adapter, companion: Adapter | undefined, base: Base | undefined): string {
  if (!companion || wordsOf(companion.target).join(" ") === wordsOf(adapter.target).join(" ")) return adapter.target;
  const knowsAnd = !base?.vocabulary || base.vocabulary.includes("and");
  return `${adapter.target} ${knowsAnd ? "and " : ""}${companion.target}`;
}
