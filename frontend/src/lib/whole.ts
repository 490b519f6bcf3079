/** How large a picture is shown. */

/**
 * The largest whole multiple of a picture's pixels that fits, in pixels of the screen, so that none is blurred or wider than its
 * neighbour. A picture that is larger than the room is made smaller as needed.
 *
 * @param natural pixels of the picture's side
 * @param room CSS pixels there are for it
 * @param density pixels of the screen in a CSS pixel
 * @returns the side in CSS pixels
 */
export function shownSide(natural: number, room: number, density = 1): number {
  if (natural <= 0 || room <= 0) return 0;
  const times = Math.floor((room * density) / natural);
  return times >= 1 ? (times * natural) / density : room;
}
