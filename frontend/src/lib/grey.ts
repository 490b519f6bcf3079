/** Maps and pictures of the studio as numbers. */

/** A map in [0, 1], row by row. */
export interface Grey {
  width: number;
  height: number;
  values: Float32Array;
}

/** A picture as RGBA bytes. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** Maps are bilinear enlargements of coarser ones, so that nothing is lost. */
const LONGEST_SIDE = 128;
const MOST_KEPT = 1200;

const maps = new Map<string, Promise<Grey>>();
const pictures = new Map<string, Promise<Pixels>>();

/** Read a grey map; it is asked for once. */
export function greyOf(url: string): Promise<Grey> {
  return kept(maps, url, async () => {
    const { width, height, data } = await read(url, LONGEST_SIDE);
    return { width, height, values: Float32Array.from({ length: width * height }, (_, at) => (data[4 * at] as number) / 255) };
  });
}

/** Read a picture, pixel by pixel; it is asked for once. */
export function pixelsOf(url: string): Promise<Pixels> {
  return kept(pictures, url, () => read(url, Number.POSITIVE_INFINITY));
}

function kept<T>(store: Map<string, Promise<T>>, url: string, load: () => Promise<T>): Promise<T> {
  const known = store.get(url);
  if (known) return known;
  const loading = load();
  store.set(url, loading);
  if (store.size > MOST_KEPT) store.delete(store.keys().next().value as string);
  // What failed may work the next time.
  loading.catch(() => store.delete(url));
  return loading;
}

async function read(url: string, longest: number): Promise<Pixels> {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const shrunk = Math.min(1, longest / Math.max(picture.naturalWidth, picture.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.naturalWidth * shrunk));
  canvas.height = Math.max(1, Math.round(picture.naturalHeight * shrunk));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser gives no canvas to read a picture with");
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
