/** What can be asked of the studio. An id that is not known yet asks nothing. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, skipToken } from "@tanstack/svelte-query";
import { call } from "../api/client";
import type { Job, TrainingOrder } from "../api/types";
import { allPages } from "./allPages";
import { isOver, LONGEST_LIST } from "./jobs";

const QUEUED_MS = 2000;
const UNFINISHED_MS = 2000;
const PAGE = 24;

type Id = string | undefined;

function forId<T>(id: Id, load: (id: string) => Promise<T>): typeof skipToken | (() => Promise<T>) {
  return id === undefined ? skipToken : () => load(id);
}

/** A running job is followed by its events; of a queued one nothing but its place in the queue changes. */
export const jobQuery = (id: Id) =>
  queryOptions({
    queryKey: ["jobs", "one", id],
    queryFn: forId(id, (job_id) => call("get", "/api/v1/jobs/{job_id}", { path: { job_id } })),
    refetchInterval: ({ state }) => (state.data?.status === "queued" ? QUEUED_MS : false),
  });

export const datasetQuery = (id: Id) =>
  queryOptions({
    queryKey: ["datasets", "one", id],
    queryFn: forId(id, (dataset_id) => call("get", "/api/v1/datasets/{dataset_id}", { path: { dataset_id } })),
  });

/** A set is looked through anew when its content, which the tag names, is another one. */
export const reportQuery = (id: string, etag: string) =>
  queryOptions({
    queryKey: ["datasets", "report", id, etag],
    queryFn: () => call("get", "/api/v1/datasets/{dataset_id}/report", { path: { dataset_id: id } }),
    placeholderData: keepPreviousData,
  });

export const adapterQuery = (id: Id) =>
  queryOptions({
    queryKey: ["adapters", "one", id],
    queryFn: forId(id, (adapter_id) => call("get", "/api/v1/adapters/{adapter_id}", { path: { adapter_id } })),
  });

export const comparisonQuery = (id: Id) =>
  queryOptions({
    queryKey: ["comparisons", "one", id],
    queryFn: forId(id, (comparison_id) => call("get", "/api/v1/comparisons/{comparison_id}", { path: { comparison_id } })),
  });

export const basesQuery = () =>
  queryOptions({ queryKey: ["bases"], queryFn: () => call("get", "/api/v1/bases"), staleTime: 60_000 });

export const settingsQuery = () =>
  queryOptions({
    queryKey: ["trainings", "settings"],
    queryFn: () => call("get", "/api/v1/trainings/settings"),
    staleTime: Infinity,
  });

/** What would become of an order; while another one is tried, the answer before stays. */
export const dryRunQuery = (order: TrainingOrder | undefined) =>
  queryOptions({
    queryKey: ["trainings", "dry-run", order],
    queryFn: order === undefined ? skipToken : () => call("post", "/api/v1/trainings/dry-run", { body: order }),
    placeholderData: keepPreviousData,
  });

interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** A list as far as it was read. */
export interface Listed<T> {
  readonly data: { pages: Page<T>[] } | undefined;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly failureReason: Error | null;
  readonly fetchNextPage: () => unknown;
}

/** A list page by page, newest first. */
function pages<T>(key: readonly unknown[], load: (cursor: string | null) => Promise<Page<T>>) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Page<T>) => page.next_cursor,
  });
}

export const setPages = () =>
  pages(["datasets", "pages"], (cursor) => call("get", "/api/v1/datasets", { query: { limit: PAGE, cursor } }));

export const adapterPages = () =>
  pages(["adapters", "pages"], (cursor) => call("get", "/api/v1/adapters", { query: { limit: PAGE, cursor } }));

export const trainingPages = (set: Id) => ({
  ...pages(["jobs", "trainings", set], (cursor) =>
    call("get", "/api/v1/jobs", { query: { kind: ["training"], limit: PAGE, cursor, dataset_id: set ?? null } }),
  ),
  refetchInterval: (query: { state: { data?: { pages: Page<Job>[] } | undefined } }) =>
    query.state.data?.pages.every((page) => page.data.every(isOver)) ? (false as const) : UNFINISHED_MS,
});

/** Every adapter, for Compare, which looks among all of them. */
export const allAdapters = () =>
  queryOptions({
    queryKey: ["adapters", "all"],
    queryFn: () => allPages((cursor) => call("get", "/api/v1/adapters", { query: { limit: LONGEST_LIST, cursor } })),
  });

/** Every order of a pair. */
export const allPairs = () =>
  queryOptions({
    queryKey: ["jobs", "pairs"],
    queryFn: () =>
      allPages((cursor) => call("get", "/api/v1/jobs", { query: { kind: ["comparison"], limit: LONGEST_LIST, cursor } })),
    refetchInterval: ({ state }) => (state.data?.every(isOver) ? false : UNFINISHED_MS),
  });

/** The newest measurement of an adapter that was ordered. */
export const measurementQuery = (adapter: string) =>
  queryOptions({
    queryKey: ["jobs", "measurement", adapter],
    queryFn: () => call("get", "/api/v1/jobs", { query: { kind: ["evaluation"], adapter_id: adapter, limit: 1 } }),
  });

export const evaluationPages = (adapter: string) =>
  pages(["evaluations", "pages", adapter], (cursor) =>
    call("get", "/api/v1/evaluations", { query: { adapter_id: adapter, limit: PAGE, cursor } }),
  );
