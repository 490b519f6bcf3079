/**
 * A colour for a value in [0, 1]: dark indigo through violet and orange to pale yellow. Lightness only ever rises, so
 * the order of values survives colour blindness and a greyscale print. The engine's coloured pictures use the same stops.
 */
export type Colour = readonly [red: number, green: number, blue: number];

const ANCHORS: readonly Colour[] = [
  [13, 8, 66],
  [98, 20, 122],
  [196, 61, 92],
  [246, 140, 52],
  [252, 240, 165],
];

export function colour(value: number): Colour {
  const place = Math.min(Math.max(value, 0), 1) * (ANCHORS.length - 1);
  const index = Math.min(Math.floor(place), ANCHORS.length - 2);
  const low = ANCHORS[index] as Colour;
  const high = ANCHORS[index + 1] as Colour;
  const share = place - index;
  const mix = (channel: 0 | 1 | 2) => Math.round(low[channel] + share * (high[channel] - low[channel]));
  return [mix(0), mix(1), mix(2)];
}

/** How much of the picture a value covers: weak answers stay see-through, so the portrait is still readable. */
export function opacity(value: number, strength: number): number {
  return Math.min(Math.max(strength, 0), 1) * (0.3 + 0.7 * Math.min(Math.max(value, 0), 1));
}

/** Turn grey RGBA pixels (as a canvas gives them) into coloured ones, in place. */
export function paint(pixels: Uint8ClampedArray, strength: number): void {
  for (let at = 0; at < pixels.length; at += 4) {
    const value = (pixels[at] as number) / 255;
    const [red, green, blue] = colour(value);
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
    pixels[at + 3] = Math.round(255 * opacity(value, strength));
  }
}
