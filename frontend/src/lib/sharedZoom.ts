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
  /** How many changes of our own are on their way to the screen. */
  #settling = 0;

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
    const detach = this.follow(node);
    const sizes = new ResizeObserver(() => this.#settle());
    sizes.observe(node);
    return () => {
      sizes.disconnect();
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
  show(wanted: Zoom): void {
    const { zoom, x, y } = this.#now;
    if (Math.abs(zoom - wanted.zoom) + Math.abs(x - wanted.x) + Math.abs(y - wanted.y) < CLOSE) return;
    this.#now = wanted;
    this.#settle();
  }

  /** Zoom to a factor around the middle of what is seen. */
  to(zoom: number): void {
    this.#panzoom?.zoom(zoom, { animate: false });
  }

  /** Zoom by a factor, from wherever the last one is to lead. */
  by(factor: number): void {
    this.to((this.#panzoom?.getScale() ?? 1) * factor);
  }

  /** Move by a share of what is seen. */
  move(right: number, down: number): void {
    const side = this.#leader?.offsetWidth ?? 0;
    const step = (KEY_STEP * side) / this.#now.zoom;
    this.#panzoom?.pan(-right * step, -down * step, { relative: true, animate: false });
  }

  /** Show what is to be seen at the size that the pictures have now. */
  #settle(): void {
    const width = this.#leader?.offsetWidth ?? 0;
    if (!this.#leader || !width) return;
    const { zoom, x, y } = this.#now;
    this.#settling += 1;
    this.#panzoom ??= this.#create(this.#leader, width);
    this.#panzoom.zoom(zoom, { animate: false, force: true });
    // A shift is bounded by the size that is drawn, so it waits for the zoom.
    requestAnimationFrame(() => {
      this.#panzoom?.pan(x * width, y * (this.#leader?.offsetHeight ?? 0), { animate: false, force: true });
      requestAnimationFrame(() => (this.#settling -= 1));
    });
  }

  #create(node: HTMLElement, width: number): PanzoomObject {
    const { x, y } = this.#now;
    return Panzoom(node, {
      noBind: true,
      contain: "outside",
      minScale: 1,
      maxScale: LARGEST_ZOOM,
      panOnlyWhenZoomed: true,
      cursor: "",
      step: WHEEL_STEP,
      touchAction: "pan-y",
      startX: x * width,
      startY: y * node.offsetHeight,
      setTransform: (_, at) => this.#moved(at.scale, at.x, at.y),
    });
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
    if (this.#settling) for (const node of this.#followers) this.#place(node);
    if (this.#settling || !width || !height) return;
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
