/** The address bar as state. */
import { formatHash, parseHash, type Place } from "./hash";

let place = $state<Place>(parseHash(location.hash));
addEventListener("hashchange", () => (place = parseHash(location.hash)));

export function here(): Place {
  return place;
}

/** A link to a page that keeps the ids of the present place, with changes; `undefined` drops an id. */
export function link(changes: { [Key in keyof Place]?: Place[Key] | undefined }): string {
  const next: Record<string, unknown> = { ...place, ...changes };
  for (const key of Object.keys(next)) if (next[key] === undefined) delete next[key];
  return formatHash(next as unknown as Place);
}

export function go(changes: Parameters<typeof link>[0]): void {
  location.hash = link(changes);
}
