/** One zoom for several pictures: a drag, a pinch or a wheel on any of them moves all. */
import Panzoom, { type PanzoomObject } from "@panzoom/panzoom";
import { LARGEST_ZOOM } from "./view";

export interface Zoom {
  zoom: number;
  /** of the shift, in widths and heights of the picture */
  x: number;
  y: number;
}

const WHEEL_STEP = 0.5;
/** Below this two zooms are the same; an address has three digits. */
const CLOSE = 2e-3;
/** How far an arrow key moves, in widths of what is seen. */
const KEY_STEP = 0.1;

export class SharedZoom {
  #panzoom: PanzoomObject | undefined;
  #leader: HTMLElement | undefined;
  readonly #followers = new Set<HTMLElement>();
  #now: Zoom;

  /**
   * @param start where the pictures are when they appear
   * @param onchange told of every change that a person makes
   */
  constructor(
    start: Zoom,
    readonly onchange: (zoom: Zoom) => void,
  ) {
    this.#now = start;
  }

  /** Attach the picture that measures for all; there is one. */
  lead = (node: HTMLElement): (() => void) => {
    this.#leader = node;
    const { zoom, x, y } = this.#now;
    const [startX, startY] = [x * node.offsetWidth, y * node.offsetHeight];
    this.#panzoom = Panzoom(node, {
      noBind: true,
      contain: "outside",
      minScale: 1,
      maxScale: LARGEST_ZOOM,
      panOnlyWhenZoomed: true,
      cursor: "",
      step: WHEEL_STEP,
      startScale: zoom,
      startX,
      startY,
      touchAction: "pan-y",
      setTransform: (_, at) => this.#moved(at.scale, at.x, at.y),
    });
    // Its first shift is bounded by the size before the first zoom is drawn; this one by the size after.
    requestAnimationFrame(() => this.#panzoom?.pan(startX, startY, { force: true, animate: false }));
    const detach = this.follow(node);
    return () => {
      detach();
      this.#panzoom?.destroy();
      this.#panzoom = undefined;
    };
  };

  /** Attach another picture. */
  follow = (node: HTMLElement): (() => void) => {
    const frame = node.parentElement as HTMLElement;
    const down = (event: PointerEvent) => {
      if (event.button === 0) this.#panzoom?.handleDown(event);
    };
    const move = (event: PointerEvent) => this.#panzoom?.handleMove(event);
    const up = (event: PointerEvent) => this.#panzoom?.handleUp(event);
    const wheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.metaKey) this.#wheel(event, frame);
    };
    this.#followers.add(node);
    this.#place(node);
    frame.addEventListener("pointerdown", down);
    frame.addEventListener("wheel", wheel, { passive: false });
    document.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"] as const) document.addEventListener(end, up);
    return () => {
      this.#followers.delete(node);
      frame.removeEventListener("pointerdown", down);
      frame.removeEventListener("wheel", wheel);
      document.removeEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"] as const) document.removeEventListener(end, up);
    };
  };

  /** Show what an address says, unless it is shown already. */
  show({ zoom, x, y }: Zoom): void {
    const isShown = Math.abs(zoom - this.#now.zoom) + Math.abs(x - this.#now.x) + Math.abs(y - this.#now.y) < CLOSE;
    if (isShown || !this.#panzoom) return;
    this.#panzoom.zoom(zoom, { animate: false, force: true });
    requestAnimationFrame(() => {
      this.#now = { zoom, x, y };
      this.resized();
    });
  }

  /** Zoom to a factor around the middle of what is seen. */
  to(zoom: number): void {
    this.#panzoom?.zoom(zoom, { animate: false });
  }

  /** Move by a share of what is seen. */
  move(right: number, down: number): void {
    const side = this.#leader?.offsetWidth ?? 0;
    const step = (KEY_STEP * side) / this.#now.zoom;
    this.#panzoom?.pan(-right * step, -down * step, { relative: true, animate: false });
  }

  /** The pictures have another size: the same part is to be seen. */
  resized(): void {
    const { x, y } = this.#now;
    this.#panzoom?.pan(x * (this.#leader?.offsetWidth ?? 0), y * (this.#leader?.offsetHeight ?? 0), { force: true, animate: false });
  }

  #wheel(event: WheelEvent, frame: HTMLElement): void {
    event.preventDefault();
    const own = frame.getBoundingClientRect();
    const leaders = this.#leader?.parentElement?.getBoundingClientRect() ?? own;
    const factor = Math.exp(((event.deltaY || event.deltaX) < 0 ? WHEEL_STEP : -WHEEL_STEP) / 3);
    const point = { clientX: event.clientX - own.left + leaders.left, clientY: event.clientY - own.top + leaders.top };
    this.#panzoom?.zoomToPoint(this.#now.zoom * factor, point, { animate: false });
  }

  #moved(zoom: number, x: number, y: number): void {
    const [width, height] = [this.#leader?.offsetWidth ?? 0, this.#leader?.offsetHeight ?? 0];
    if (!width || !height) return;
    const before = this.#now;
    this.#now = zoom === 1 ? { zoom, x: 0, y: 0 } : { zoom, x: x / width, y: y / height };
    for (const node of this.#followers) this.#place(node);
    const isNew = Math.abs(zoom - before.zoom) + Math.abs(this.#now.x - before.x) + Math.abs(this.#now.y - before.y) > CLOSE;
    if (isNew) this.onchange(this.#now);
  }

  #place(node: HTMLElement): void {
    const { zoom, x, y } = this.#now;
    node.style.transform = zoom === 1 ? "" : `scale(${zoom}) translate(${100 * x}%, ${100 * y}%)`;
    const frame = node.parentElement;
    if (frame) frame.style.touchAction = zoom === 1 ? "pan-y" : "none";
  }
}
