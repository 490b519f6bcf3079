/** What Compare works with: the adapter and pair in the address, the pairs drawn so far, and the order that the form holds. */
import { call } from "../api/client";
import { Problem } from "../api/problem";
import type { Adapter, Comparison, Job } from "../api/types";
import { allPages } from "./allPages";
import { ask } from "./asked.svelte";
import { jobsByPictures, type Cell } from "./cells";
import { isOver, LONGEST_LIST } from "./jobs";
import { bodyOf, draftOf, NEW_DRAFT, pictureKey, type Draft } from "./order";
import { companions, jointTarget, usesOf } from "./pairs";
import { baseText } from "./phrases";
import { go, here } from "./place.svelte";

/** The slider draws anew when it has rested for so long. */
const REST_MS = 600;
const SUGGESTIONS = 30;

/** Call while the page is being set up. */
export function openBench() {
  const pair = ask({
    key: () => here().pair,
    load: (id) => call("get", "/api/v1/jobs/{job_id}", { path: { job_id: id } }),
    settled: isOver,
    everyMs: 500,
  });
  const adapterId = $derived(here().adapter ?? pair.value?.source_adapter_id ?? undefined);
  const adapter = ask({
    key: () => adapterId,
    load: (id) => call("get", "/api/v1/adapters/{adapter_id}", { path: { adapter_id: id } }),
  });
  const adapters = ask({
    key: () => "all",
    load: () => allPages((cursor) => call("get", "/api/v1/adapters", { query: { limit: LONGEST_LIST, cursor } })),
  });
  const jobs = ask({
    key: () => "all",
    load: () => allPages((cursor) => call("get", "/api/v1/jobs", { query: { kind: ["comparison"], limit: LONGEST_LIST, cursor } })),
    settled: (all) => all.every(isOver),
  });
  const training = ask({
    key: () => adapter.value?.job_id,
    load: (id) => call("get", "/api/v1/jobs/{job_id}", { path: { job_id: id } }),
  });
  const set = ask({
    key: () => here().set ?? training.value?.dataset_id ?? undefined,
    load: (id) => call("get", "/api/v1/datasets/{dataset_id}", { path: { dataset_id: id } }),
  });
  const bases = ask({ key: () => "all", load: () => call("get", "/api/v1/bases") });
  const drawn = ask({
    key: () => pair.value?.comparison_id ?? undefined,
    load: (id) => call("get", "/api/v1/comparisons/{comparison_id}", { path: { comparison_id: id } }),
  });

  const base = $derived(bases.value?.data.find((one) => one.key === adapter.value?.base));
  const others = $derived(adapter.value ? companions(adapter.value, adapters.value ?? []) : []);
  const own = $derived(jobs.value?.filter((job) => usesOf(job).some((use) => use.adapter === adapterId)));
  const byPictures = $derived(jobsByPictures(jobs.value ?? [], adapterId ?? ""));
  const suggestions = $derived([...new Set(set.value?.items.map((item) => baseText(item.base)))].slice(0, SUGGESTIONS));

  let draft = $state.raw<Draft>(NEW_DRAFT);
  let busy = $state(false);
  let problem = $state.raw<Problem>();

  // A pair that is being drawn is read again and again, and one that was ordered here is in the form already: what is typed stays.
  let filledFrom: string | undefined;
  let taught: string | undefined;
  $effect.pre(() => {
    const job = pair.value;
    if (!job || !adapterId || job.id === filledFrom) return;
    filledFrom = job.id;
    if (usesOf(job).some((use) => use.adapter === adapterId)) draft = draftOf(job, adapterId);
  });
  $effect.pre(() => {
    const known = adapter.value;
    if (!known || known.id === taught) return;
    const isFirst = taught === undefined;
    taught = known.id;
    if (!isFirst || !here().pair) draft = { ...draft, target: known.target, companion: undefined };
  });
  $effect.pre(() => {
    const first = suggestions[0];
    if (first !== undefined && draft.text === "" && !here().pair && filledFrom === undefined) draft = { ...draft, text: first };
  });

  // The pair before stays while the next one is drawn, and with it what was chosen to look at.
  let comparison = $state.raw<Comparison>();
  $effect.pre(() => {
    if (here().pair === undefined) comparison = undefined;
    else if (drawn.value) comparison = drawn.value;
  });

  async function order(wanted: Draft): Promise<Job | undefined> {
    if (adapterId === undefined) return undefined;
    try {
      const job = await call("post", "/api/v1/jobs", { body: bodyOf(wanted, adapterId) });
      problem = undefined;
      return job;
    } catch (cause) {
      problem = Problem.of(cause);
      return undefined;
    }
  }

  /** Order a pair and show it once it is drawn. */
  async function draw(wanted: Draft = draft): Promise<void> {
    busy = true;
    const job = await order(wanted);
    busy = false;
    if (!job) return;
    filledFrom = job.id;
    jobs.again();
    go({ page: "compare", adapter: adapterId, pair: job.id });
  }

  /** Show the pictures that were drawn before, or order them. */
  async function show(wanted: Draft): Promise<void> {
    const known = byPictures.get(pictureKey(wanted, adapterId ?? ""));
    if (known && known.status !== "failed") go({ page: "compare", adapter: adapterId, pair: known.id });
    else await draw(wanted);
  }

  let resting: ReturnType<typeof setTimeout> | undefined;
  let byslider: string | undefined;
  $effect(() => () => clearTimeout(resting));

  return {
    pair,
    adapter,
    get adapterId() {
      return adapterId;
    },
    get adapters() {
      return adapters.value ?? [];
    },
    get companions() {
      return others;
    },
    get base() {
      return base;
    },
    get suggestions() {
      return suggestions;
    },
    /** of the adapter, newest first */
    get jobs() {
      return own;
    },
    get byPictures() {
      return byPictures;
    },
    get comparison() {
      return comparison;
    },
    get busy() {
      return busy;
    },
    get problem() {
      return problem ?? pair.problem ?? adapter.problem ?? drawn.problem ?? jobs.problem;
    },
    get draft() {
      return draft;
    },
    set draft(next: Draft) {
      draft = next;
    },
    draw,
    show,

    /** Once more what is on the stage, with something more recorded. */
    async again(changes: Partial<Draft>): Promise<void> {
      const shown = jobs.value?.find((job) => job.id === comparison?.job_id);
      if (shown && adapterId) draft = { ...draftOf(shown, adapterId), ...changes };
      await draw();
    },

    async another(): Promise<void> {
      draft = { ...draft, seed: draft.seed + 1 };
      await draw();
    },

    /** Draw with another strength as soon as the slider rests; what the slider ordered before is no longer wanted. */
    strengthen(strength: number): void {
      draft = { ...draft, strength };
      clearTimeout(resting);
      resting = setTimeout(async () => {
        const before = pair.value;
        if (before && before.id === byslider && !isOver(before)) {
          await call("post", "/api/v1/jobs/{job_id}/cancel", { path: { job_id: before.id } }).catch(() => undefined);
        }
        await show(draft);
        byslider = here().pair;
      }, REST_MS);
    },

    async drawCells(missing: readonly Cell[]): Promise<void> {
      busy = true;
      for (const cell of missing) if (!(await order(cell.draft))) break;
      busy = false;
      jobs.again();
    },

    /** With another adapter: the same pictures if it drew them, otherwise its newest pair, otherwise none yet. */
    choose(id: string): void {
      const known = adapters.value?.find((one) => one.id === id);
      const wanted = { ...draft, companion: undefined, target: known?.target ?? draft.target };
      const its = (jobs.value ?? []).filter((job) => job.comparison_id !== null && usesOf(job)[0]?.adapter === id);
      const same = its.find((job) => pictureKey(draftOf(job, id), id) === pictureKey(wanted, id));
      go({ page: "compare", adapter: id, set: undefined, job: undefined, pair: (same ?? its[0])?.id });
    },

    accompany(id: string): void {
      const known: Adapter | undefined = adapter.value;
      if (!known) return;
      const other = others.find((one) => one.id === id);
      draft = { ...draft, companion: other && { adapter: other.id, strength: 1 }, target: jointTarget(known, other, base) };
    },
  };
}

export type Bench = ReturnType<typeof openBench>;
