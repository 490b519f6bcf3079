/** What the studio says about one thing, asked again while it can still change. */
import { untrack } from "svelte";
import { Problem } from "../api/problem";

export interface Asked<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  /** Ask at once, for instance after an order that changes the thing. */
  again(): void;
  /** Take an answer that came with an order. */
  take(value: T): void;
}

export interface Asking<T> {
  /** What to ask for; undefined asks nothing. A change starts over. */
  key: () => string | undefined;
  load: (key: string, before: T | undefined) => Promise<T>;
  /** True once the thing can no longer change. */
  settled?: (value: T) => boolean;
  everyMs?: number;
}

/** Call while a component is being set up; asking ends with the component. */
export function ask<T>(asking: Asking<T>): Asked<T> {
  let value = $state.raw<T>();
  let problem = $state.raw<Problem>();
  let round = $state(0);
  let keyOfValue: string | undefined;

  $effect(() => {
    const key = asking.key();
    void round;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    if (key !== keyOfValue) {
      value = undefined;
      problem = undefined;
      keyOfValue = key;
    }
    const turn = async (wanted: string, before: T | undefined): Promise<void> => {
      let latest = before;
      let answered = false;
      try {
        latest = await asking.load(wanted, before);
        if (over) return;
        value = latest;
        problem = undefined;
        answered = true;
      } catch (cause) {
        if (over) return;
        const failure = Problem.of(cause);
        problem = failure;
        if (failure.status >= 400 && failure.status < 500) return;
      }
      const finished = answered && (asking.settled?.(latest as T) ?? true);
      if (!finished) timer = setTimeout(() => void turn(wanted, latest), asking.everyMs ?? 1000);
    };
    if (key !== undefined) void turn(key, untrack(() => value));
    return () => {
      over = true;
      clearTimeout(timer);
    };
  });

  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
    again: () => (round += 1),
    take: (latest) => (value = latest),
  };
}
