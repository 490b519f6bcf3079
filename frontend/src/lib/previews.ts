/** Pictures that a training draws along the way, from its events. */
import type { Told } from "./events";

export interface Preview {
  /** of both stages together */
  step: number;
  /** one for each text: reference and response side by side */
  pictures: { text: string; url: string }[];
}

interface Picture {
  text: string;
  name: string;
}

function isPicture(value: unknown): value is Picture {
  const { text, name } = (value ?? {}) as Record<string, unknown>;
  return typeof text === "string" && typeof name === "string";
}

/** In the order of their steps. A resumed attempt repeats steps; what it repeats replaces what was there. */
export function previewsOf(told: readonly Told[]): Preview[] {
  const found: Preview[] = [];
  for (const { job, events } of told) {
    for (const { kind, data } of events) {
      const { step, pictures } = data;
      if (kind !== "previews" || typeof step !== "number" || !Array.isArray(pictures)) continue;
      while (found.length && (found.at(-1) as Preview).step >= step) found.pop();
      const address = (name: string) => `/api/v1/jobs/${job}/previews/${name}`;
      found.push({ step, pictures: pictures.filter(isPicture).map(({ text, name }) => ({ text, url: address(name) })) });
    }
  }
  return found;
}
