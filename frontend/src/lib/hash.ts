/** Where the reader is. Ids live in the address, so a reload or a shared link shows the same thing. */

export const PAGES = ["home", "captions", "train", "compare", "adapter"] as const;
export type Page = (typeof PAGES)[number];

export interface Place {
  page: Page;
  /** caption set */
  set?: string;
  /** training job */
  job?: string;
  adapter?: string;
  /** comparison job */
  pair?: string;
}

const IDS = ["set", "job", "adapter", "pair"] as const;

function isPage(text: string): text is Page {
  return (PAGES as readonly string[]).includes(text);
}

/** Read "#/train?set=ds_1&job=job_2"; anything unknown is left out. */
export function parseHash(hash: string): Place {
  const [path = ""] = hash.replace(/^#\/?/, "").split("?", 1);
  const place: Place = { page: isPage(path) ? path : "home" };
  const given = queryOf(hash);
  for (const id of IDS) {
    const value = given.get(id);
    if (value && /^[a-z]+_[A-Za-z0-9_-]+$/.test(value)) place[id] = value;
  }
  return place;
}

/** What stands behind the "?". */
export function queryOf(hash: string): URLSearchParams {
  return new URLSearchParams(hash.includes("?") ? hash.slice(hash.indexOf("?") + 1) : "");
}

/** The address of a place; `more` is what else it is to say. */
export function formatHash(place: Place, more: readonly [name: string, value: string][] = []): string {
  const query = new URLSearchParams();
  for (const id of IDS) {
    const value = place[id];
    if (value) query.set(id, value);
  }
  for (const [name, value] of more) query.set(name, value);
  const text = query.toString();
  return `#/${place.page === "home" ? "" : place.page}${text ? `?${text}` : ""}`;
}
