/** What Compare works with: the adapter and pair in the address, the pairs drawn so far, and the order that the form holds. */
import { createQuery } from "@tanstack/svelte-query";
import { call } from "../api/client";
import { Problem } from "../api/problem";
import type { Adapter, Comparison, Job } from "../api/types";
import { jobsByPictures, type Cell } from "./cells";
import { followJob } from "./follow.svelte";
import { isOver } from "./jobs";
import { bodyOf, draftOf, NEW_DRAFT, pictureKey, type Draft } from "./order";
import { companions, jointTarget, usesOf } from "./pairs";
import { baseText } from "./phrases";
import { go, here } from "./place.svelte";
import { adapterQuery, allAdapters, allPairs, basesQuery, comparisonQuery, datasetQuery, jobQuery } from "./queries";
import { changed, fromServer, problemOf } from "./server";

/** The slider draws anew when it has rested for so long. */
const REST_MS = 600;
const SUGGESTIONS = 30;

/** Call while the page is being set up. */
export function openBench() {
  const pair = createQuery(() => jobQuery(here().pair), fromServer);
  const followed = followJob(() => here().pair);
  const adapterId = $derived(here().adapter ?? pair.data?.source_adapter_id ?? undefined);
  const adapter = createQuery(() => adapterQuery(adapterId), fromServer);
  const adapters = createQuery(allAdapters, fromServer);
  const jobs = createQuery(allPairs, fromServer);
  const training = createQuery(() => jobQuery(adapter.data?.job_id), fromServer);
  const set = createQuery(() => datasetQuery(here().set ?? training.data?.dataset_id ?? undefined), fromServer);
  const bases = createQuery(basesQuery, fromServer);
  const drawn = createQuery(() => comparisonQuery(pair.data?.comparison_id ?? undefined), fromServer);

  const base = $derived(bases.data?.data.find((one) => one.key === adapter.data?.base));
  const others = $derived(adapter.data ? companions(adapter.data, adapters.data ?? []) : []);
  const own = $derived(jobs.data?.filter((job) => usesOf(job).some((use) => use.adapter === adapterId)));
  const byPictures = $derived(jobsByPictures(jobs.data ?? [], adapterId ?? ""));
  const suggestions = $derived([...new Set(set.data?.items.map((item) => baseText(item.base)))].slice(0, SUGGESTIONS));

  let draft = $state.raw<Draft>(NEW_DRAFT);
  let busy = $state(false);
  let problem = $state.raw<Problem>();

  // A pair that is being drawn is read again and again, and one that was ordered here is in the form already: what is typed stays.
  let filledFrom: string | undefined;
  let taught: string | undefined;
  $effect.pre(() => {
    const job = pair.data;
    // While another pair is on its way, the one before it may be told once more: it must not take back what was typed.
    if (!job || !adapterId || job.id !== here().pair || job.id === filledFrom) return;
    filledFrom = job.id;
    if (usesOf(job).some((use) => use.adapter === adapterId)) draft = draftOf(job, adapterId);
  });
  $effect.pre(() => {
    const known = adapter.data;
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
    else if (drawn.data) comparison = drawn.data;
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
    go({ page: "compare", adapter: adapterId, pair: job.id });
    changed("jobs");
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
      return adapters.data ?? [];
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
      return problem ?? problemOf(pair, adapter, drawn, jobs) ?? followed.problem;
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
      const shown = jobs.data?.find((job) => job.id === comparison?.job_id);
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
        const before = pair.data;
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
      changed("jobs");
    },

    /** With another adapter: the same pictures if it drew them, otherwise its newest pair, otherwise none yet. */
    choose(id: string): void {
      const known = adapters.data?.find((one) => one.id === id);
      const wanted = { ...draft, companion: undefined, target: known?.target ?? draft.target };
      const its = (jobs.data ?? []).filter((job) => job.comparison_id !== null && usesOf(job)[0]?.adapter === id);
      const same = its.find((job) => pictureKey(draftOf(job, id), id) === pictureKey(wanted, id));
      go({ page: "compare", adapter: id, set: undefined, job: undefined, pair: (same ?? its[0])?.id });
    },

    accompany(id: string): void {
      const known: Adapter | undefined = adapter.data;
      if (!known) return;
      const other = others.find((one) => one.id === id);
      draft = { ...draft, companion: other && { adapter: other.id, strength: 1 }, target: jointTarget(known, other, base) };
    },
  };
}

export type Bench = ReturnType<typeof openBench>;
