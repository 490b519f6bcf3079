/** The studio's answers, kept while they are of use: shown at once, and asked again when they may have changed. */
import { QueryClient } from "@tanstack/svelte-query";
import { Problem } from "../api/problem";

const AGAIN_MS = 1000;

/** Whether asking again may help: not where the studio has refused. */
export function mayPass(cause: unknown): boolean {
  const { status } = Problem.of(cause);
  return status === 0 || status >= 500;
}

export const server = new QueryClient({
  defaultOptions: {
    queries: {
      // The studio may run on this very machine, whether there is a network or not.
      networkMode: "always",
      // Otherwise only what was read before is told of: a value that is first read later would be an old one.
      notifyOnChangeProps: "all",
      retry: (_, cause) => mayPass(cause),
      retryDelay: AGAIN_MS,
    },
  },
});
server.mount();

/** Second argument of every query. */
export const fromServer = (): QueryClient => server;

/** What the studio keeps, by the first word of a key; all that begins with it is asked again. */
export type Things = "jobs" | "datasets" | "adapters" | "comparisons" | "evaluations" | "trainings";

/** Ask again for what an order may have changed. */
export function changed(...things: Things[]): void {
  for (const thing of things) void server.invalidateQueries({ queryKey: [thing] });
}

/** Ask again for what a delete may have changed, but not for what is gone: nobody looks at that any more. */
export function deleted(ids: readonly string[], ...things: Things[]): void {
  void server.invalidateQueries({
    predicate: ({ queryKey }) => things.some((thing) => thing === queryKey[0]) && !ids.some((id) => queryKey.includes(id)),
  });
}

/** What keeps these from being answered, also while they are asked again. */
export function problemOf(...asked: readonly { failureReason: Error | null }[]): Problem | undefined {
  const cause = asked.find(({ failureReason }) => failureReason !== null)?.failureReason;
  return cause ? Problem.of(cause) : undefined;
}
