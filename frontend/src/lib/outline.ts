/** The line around a region of a map. */
import type { Grey } from "./grey";

/** The edges between cells that reach a value and cells that do not, as the path of an SVG in cells. */
export function edgesOf(map: Grey, from: number): string {
  const { width, height, values } = map;
  const isInside = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && (values[y * width + x] as number) >= from;
  let path = "";
  for (let y = 0; y <= height; y += 1) {
    for (let x = 0; x <= width; x += 1) {
      if (isInside(x, y) !== isInside(x - 1, y)) path += `M${x} ${y}v1`;
      if (isInside(x, y) !== isInside(x, y - 1)) path += `M${x} ${y}h1`;
    }
  }
  return path;
}
