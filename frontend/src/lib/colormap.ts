/**
 * Colours for the values of a map. One-sided maps go from dark indigo through violet and orange to pale yellow; lightness only
 * ever rises, so the order of values survives colour blindness and a greyscale print. Two-sided ones go from blue for less to
 * red-brown for more, which colour-blind readers tell apart, too. Nothing is tinted where the value is 0. The engine's coloured
 * pictures use the same stops.
 */
export type Colour = readonly [red: number, green: number, blue: number];

const RISING: readonly Colour[] = [
  [13, 8, 66],
  [98, 20, 122],
  [196, 61, 92],
  [246, 140, 52],
  [252, 240, 165],
];

const TWO_SIDED: readonly Colour[] = [
  [22, 62, 132],
  [116, 164, 212],
  [245, 245, 245],
  [224, 140, 108],
  [142, 28, 40],
];

/** From this value on a map covers the picture as much as it may. */
const FULL_FROM = 0.25;

const clamped = (value: number) => Math.min(Math.max(value, 0), 1);

function between(stops: readonly Colour[], share: number): Colour {
  const place = clamped(share) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const low = stops[index] as Colour;
  const high = stops[index + 1] as Colour;
  const mix = (channel: 0 | 1 | 2) => Math.round(low[channel] + (place - index) * (high[channel] - low[channel]));
  return [mix(0), mix(1), mix(2)];
}

/** For a value in [0, 1]. */
export function colour(value: number): Colour {
  return between(RISING, value);
}

/** For a value in [-1, 1]. */
export function twoSidedColour(value: number): Colour {
  return between(TWO_SIDED, value / 2 + 0.5);
}

/** How much of the picture a value in [-1, 1] covers: nothing at 0, so that the portrait is seen where the map is silent. */
export function coverage(value: number, opacity: number): number {
  return clamped(opacity) * Math.min(1, Math.abs(value) / FULL_FROM);
}

/**
 * Paint values onto RGBA pixels, as many as there are values.
 *
 * @param values in [0, 1], or in [-1, 1] for two-sided colours
 */
export function paint(pixels: Uint8ClampedArray, values: ArrayLike<number>, opacity: number, twoSided: boolean): void {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    const [red, green, blue] = twoSided ? twoSidedColour(value) : colour(value);
    pixels[4 * at] = red;
    pixels[4 * at + 1] = green;
    pixels[4 * at + 2] = blue;
    pixels[4 * at + 3] = Math.round(255 * coverage(value, opacity));
  }
}
