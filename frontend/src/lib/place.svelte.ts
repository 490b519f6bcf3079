/** The address bar as state. */
import { formatHash, parseHash, queryOf, type Place } from "./hash";
import { formatView, parseView, type View } from "./view";

const WRITE_AFTER_MS = 200;

let place = $state<Place>(parseHash(location.hash));
let view = $state.raw<View>(parseView(queryOf(location.hash)));
let writing: ReturnType<typeof setTimeout> | undefined;

addEventListener("hashchange", () => {
  clearTimeout(writing);
  place = parseHash(location.hash);
  view = parseView(queryOf(location.hash));
});
addEventListener("pagehide", write);

export function here(): Place {
  return place;
}

/** How the pair is looked at. */
export function seen(): View {
  return view;
}

/** Look at it in another way. The address follows a moment later, because browsers allow few changes a second. */
export function look(changes: Partial<View>): void {
  view = { ...view, ...changes };
  clearTimeout(writing);
  writing = setTimeout(write, WRITE_AFTER_MS);
}

function write(): void {
  clearTimeout(writing);
  const wanted = place.page === "compare" ? formatHash(place, formatView(view)) : location.hash;
  if (wanted !== location.hash) history.replaceState(history.state, "", wanted);
}

/** A link to a page that keeps the ids of the present place, with changes; `undefined` drops an id. */
export function link(changes: { [Key in keyof Place]?: Place[Key] | undefined }): string {
  const next: Record<string, unknown> = { ...place, ...changes };
  for (const key of Object.keys(next)) if (next[key] === undefined) delete next[key];
  const staysHere = next["page"] === "compare" && place.page === "compare";
  return formatHash(next as unknown as Place, staysHere ? formatView(view) : []);
}

export function go(changes: Parameters<typeof link>[0]): void {
  location.hash = link(changes);
}
