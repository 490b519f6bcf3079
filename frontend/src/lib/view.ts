/** How a pair is looked at. All of it is in the address, so that a reload or a shared link shows the same. */

export const MODES = ["side", "divider", "blink", "difference"] as const;
export type Mode = (typeof MODES)[number];

/** What lies over the pictures: attention to the phrase, response minus reference of it, or a map of both models. */
export const MAPS = ["words", "change", "control", "noise", "hold"] as const;
export type MapKind = (typeof MAPS)[number];

export interface View {
  mode: Mode;
  map: MapKind;
  /** the pinned one, as `phraseKey` names it; "" if none is */
  phrase: string;
  /** index of the recorded timestep; undefined is the middle, where maps say most */
  timestep: number | undefined;
  /** index of the layer; undefined is the mean of all */
  layer: number | undefined;
  /** of the map, 0 to 1 */
  opacity: number;
  /** where the response begins, in percent of the width */
  divide: number;
  zoom: number;
  /** of the zoomed picture's middle, in widths of the picture */
  x: number;
  y: number;
  /** rows of the grid; 0 if it is closed */
  seeds: number;
  /** columns of the grid, rising */
  strengths: readonly number[];
}

export const LARGEST_ZOOM = 8;
export const MOST_SEEDS = 8;

export const PLAIN: View = {
  mode: "side",
  map: "words",
  phrase: "",
  timestep: undefined,
  layer: undefined,
  opacity: 0.8,
  divide: 50,
  zoom: 1,
  x: 0,
  y: 0,
  seeds: 0,
  strengths: [1],
};

function number(text: string | null, least: number, most: number): number | undefined {
  const value = text === null || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= least && value <= most ? value : undefined;
}

function index(text: string | null): number | undefined {
  const value = number(text, 0, 999);
  return value !== undefined && Number.isInteger(value) ? value : undefined;
}

function oneOf<T extends string>(text: string | null, known: readonly T[]): T | undefined {
  return known.find((one) => one === text);
}

function strengths(text: string | null): readonly number[] | undefined {
  const values = (text ?? "").split(" ").map((one) => number(one, 0, 2));
  const sound = values.filter((value) => value !== undefined);
  return sound.length ? [...new Set(sound)].sort((a, b) => a - b).slice(0, 6) : undefined;
}

/** Read the part of an address behind "?"; what is missing or amiss is as in `PLAIN`. */
export function parseView(query: URLSearchParams): View {
  const seeds = index(query.get("seeds")) ?? 0;
  return {
    mode: oneOf(query.get("mode"), MODES) ?? PLAIN.mode,
    map: oneOf(query.get("map"), MAPS) ?? PLAIN.map,
    phrase: query.get("phrase") ?? PLAIN.phrase,
    timestep: index(query.get("t")),
    layer: index(query.get("layer")),
    opacity: number(query.get("opacity"), 0, 1) ?? PLAIN.opacity,
    divide: number(query.get("divide"), 0, 100) ?? PLAIN.divide,
    zoom: number(query.get("zoom"), 1, LARGEST_ZOOM) ?? PLAIN.zoom,
    x: number(query.get("x"), -1, 1) ?? PLAIN.x,
    y: number(query.get("y"), -1, 1) ?? PLAIN.y,
    seeds: Math.min(seeds, MOST_SEEDS),
    strengths: strengths(query.get("strengths")) ?? PLAIN.strengths,
  };
}

const tidy = (value: number) => String(Number(value.toFixed(3)));

/** What differs from `PLAIN`, as names and values of an address. */
export function formatView(view: View): [name: string, value: string][] {
  const entries: [string, string, boolean][] = [
    ["mode", view.mode, view.mode !== PLAIN.mode],
    ["map", view.map, view.map !== PLAIN.map],
    ["phrase", view.phrase, view.phrase !== PLAIN.phrase],
    ["t", String(view.timestep), view.timestep !== undefined],
    ["layer", String(view.layer), view.layer !== undefined],
    ["opacity", tidy(view.opacity), view.opacity !== PLAIN.opacity],
    ["divide", tidy(view.divide), view.divide !== PLAIN.divide],
    ["zoom", tidy(view.zoom), view.zoom !== PLAIN.zoom],
    ["x", tidy(view.x), view.zoom !== PLAIN.zoom && view.x !== 0],
    ["y", tidy(view.y), view.zoom !== PLAIN.zoom && view.y !== 0],
    ["seeds", String(view.seeds), view.seeds !== PLAIN.seeds],
    ["strengths", view.strengths.map(tidy).join(" "), view.strengths.join() !== PLAIN.strengths.join()],
  ];
  return entries.filter(([, , differs]) => differs).map(([name, value]) => [name, value]);
}
