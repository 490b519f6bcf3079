/** Follow a job by the studio's event stream, which says what happens as it happens. */
import { createQuery } from "@tanstack/svelte-query";
import { untrack } from "svelte";
import { Problem } from "../api/problem";
import type { Job, JobEvent } from "../api/types";
import { historyQuery, type History } from "./events";
import { isOverState, withProgress } from "./jobs";
import { jobQuery } from "./queries";
import { changed, fromServer, problemOf, server } from "./server";

const KINDS = ["state", "progress", "checkpoint", "validation", "previews"];
/** Events that come close together are shown together. */
const GATHER_MS = 100;
const REOPEN_MS = 3000;

/** Call while a component is being set up; following ends with it. */
export function followJob(job: () => string | undefined) {
  const history = createQuery(() => historyQuery(job()), fromServer);
  let lost = $state(false);
  const ready = $derived(history.data?.job === job() ? job() : undefined);

  $effect(() => {
    if (ready === undefined) return;
    const known = untrack(() => history.data);
    if (known && !known.final) return listen(ready, known.after, (away) => (lost = away));
  });

  return {
    get history(): History | undefined {
      return history.data;
    },
    get problem(): Problem | undefined {
      return lost ? Problem.unreachable() : problemOf(history);
    },
  };
}

/** Open the stream of a job's events after a number; returns what closes it. */
function listen(job: string, after: number, onlost: (away: boolean) => void): () => void {
  let gathered: JobEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource;

  const take = (): void => {
    timer = undefined;
    const news = gathered;
    gathered = [];
    if (note(job, news)) source.close();
  };
  const open = (): void => {
    const last = server.getQueryData(historyQuery(job).queryKey)?.after ?? after;
    source = new EventSource(`/api/v1/jobs/${encodeURIComponent(job)}/events?after=${last}`);
    source.onopen = () => onlost(false);
    source.onerror = () => {
      onlost(true);
      // The browser opens a stream that broke off again, but not one that was refused, as by a studio that starts.
      if (source.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (message) => {
        gathered.push(JSON.parse((message as MessageEvent<string>).data) as JobEvent);
        timer ??= setTimeout(take, GATHER_MS);
      });
    }
  };
  open();
  return () => {
    clearTimeout(timer);
    clearTimeout(reopening);
    source.close();
    onlost(false);
  };
}

/** Add events to what is known of a job; true when the last one was among them. */
function note(job: string, news: readonly JobEvent[]): boolean {
  const before = server.getQueryData(historyQuery(job).queryKey);
  const fresh = news.filter((event) => event.seq > (before?.after ?? 0));
  const last = fresh.at(-1);
  if (!before || !last) return false;
  const final = fresh.some((event) => event.kind === "state" && isOverState(event.data["to"]));
  server.setQueryData(historyQuery(job).queryKey, { ...before, events: [...before.events, ...fresh], after: last.seq, final });
  server.setQueryData<Job>(jobQuery(job).queryKey, (known) => known && withProgress(known, fresh));
  if (fresh.some((event) => event.kind === "state")) changed("jobs");
  if (final) changed("adapters", "comparisons", "evaluations", "trainings");
  return final;
}
