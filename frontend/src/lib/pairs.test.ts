import { expect, test } from "vitest";
import type { Adapter, Base, Job } from "../api/types";
import { companions, jointTarget, orderOf, usesOf } from "./pairs";

function adapter(id: string, changes: Partial<Adapter> = {}): Adapter {
  return {
    id,
    job_id: "job_1",
    base: "pico",
    method: "spf",
    target: id,
    loads_in: ["diffusers"],
    loads_in_reason: null,
    files: [],
    archive_url: "",
    created_at: "2026-01-01T00:00:00Z",
    ...changes,
  };
}

function pair(source_adapter_id: string | null, spec: Job["spec"]): Job {
  return { source_adapter_id, spec } as Job;
}

test("one adapter is named by its id, several in the specification", () => {
  const hat = { adapter: "adp_hat", strength: 0.5 };
  const scarf = { adapter: "adp_scarf", strength: 1 };
  expect(orderOf([hat])).toEqual({ adapter_id: "adp_hat", spec: { strength: 0.5 } });
  expect(orderOf([hat, scarf])).toEqual({ adapter_id: null, spec: { adapters: [hat, scarf] } });
});

test("what was ordered is read back", () => {
  const uses = [
    { adapter: "adp_hat", strength: 0.5 },
    { adapter: "adp_scarf", strength: 1 },
  ];
  for (const wanted of [uses, uses.slice(0, 1)]) {
    const { adapter_id, spec } = orderOf(wanted);
    expect(usesOf(pair(adapter_id ?? wanted[0]?.adapter ?? null, { adapters: [], strength: 1, ...spec }))).toEqual(wanted);
  }
  expect(usesOf(pair(null, { adapters: [], strength: 1 }))).toEqual([]);
});

test("pairs from before there was a strength have the full one", () => {
  expect(usesOf(pair("adp_hat", {}))).toEqual([{ adapter: "adp_hat", strength: 1 }]);
});

test("only adapters that can draw together are offered", () => {
  const own = adapter("adp_own");
  const wholeNetwork = adapter("adp_whole", { loads_in: [] });
  const all = [own, adapter("adp_same"), adapter("adp_old", { loads_in: null }), adapter("adp_other", { base: "sd15" }), wholeNetwork];
  expect(companions(own, all).map(({ id }) => id)).toEqual(["adp_same", "adp_old"]);
  expect(companions(wholeNetwork, all)).toEqual([]);
});

test("a joint target names both, in words that the model knows", () => {
  const own = adapter("adp_own", { target: "blonde hair" });
  const other = adapter("adp_other", { target: "sunglasses" });
  const small = { vocabulary: ["blonde", "hair", "sunglasses"] } as Base;
  const large = { vocabulary: null } as Base;
  expect(jointTarget(own, other, large)).toBe("blonde hair and sunglasses");
  expect(jointTarget(own, other, small)).toBe("blonde hair sunglasses");
  expect(jointTarget(own, adapter("adp_twin", { target: "Blonde  hair" }), large)).toBe("blonde hair");
  expect(jointTarget(own, undefined, large)).toBe("blonde hair");
});
