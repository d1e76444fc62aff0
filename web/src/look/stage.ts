// The map itself: what is seen of it, and how pointer and keys move it.

import { NOWHERE } from "../columns";
import type { Geometry, Selection } from "../columns";
import { Grid } from "../grid";
import { within } from "../lasso";
import { chooseRenderer } from "../render/choose";
import type { Look, Renderer, View } from "../render/renderer";

/** How near the pointer has to come to an item, in pixels of the page. */
const REACH = 12;
/** What a picture of the whole map leaves free at its edges, as a share. */
const MARGIN = 0.06;
/** The share of items at each end of an axis that a first view may leave out. */
const STRAY = 0.002;

export interface Line {
  from: number;
  to: number;
  /** Whether the two are near on the map as well. */
  kept: boolean;
}

export interface StageEvents {
  onHover(place: number | null, x: number, y: number): void;
  onPick(place: number | null): void;
  /** A line was drawn around these. */
  onLasso(chosen: Selection): void;
}

export class Stage {
  readonly renderer: Renderer;
  private readonly ratio = Math.min(2, devicePixelRatio || 1);
  private view: View = { scale: 1, offsetX: 0, offsetY: 0, size: 1 };
  private geometry: Geometry | null = null;
  private grid: Grid | null = null;
  private selection: Selection | null = null;
  private lines: Line[] = [];
  private marked: number | null = null;
  private ink = "#000";
  /** The line that is being drawn, in pixels. */
  private lasso: [number, number][] | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly overlay: HTMLCanvasElement,
    asked: string | null,
    private readonly events: StageEvents,
  ) {
    this.renderer = chooseRenderer(canvas, asked);
    new ResizeObserver(() => this.fit()).observe(canvas.parentElement ?? canvas);
    this.listen();
  }

  setGeometry(geometry: Geometry): void {
    this.geometry = geometry;
    this.grid = new Grid(geometry);
    this.renderer.setGeometry(geometry);
    this.nearly();
  }

  setLook(look: Look, ink: string): void {
    this.ink = ink;
    this.renderer.setLook(look);
    this.draw();
  }

  /** The diameter of a point: many are small, few can be large, and all grow as one comes nearer. */
  private size(): number {
    const count = this.geometry?.count ?? 0;
    const size = count > 300_000 ? 1 : count > 60_000 ? 2 : count > 8_000 ? 3 : 5;
    const nearer = Math.sqrt(this.view.scale / this.scaleOfAll());
    return Math.min(12, size * Math.max(1, nearer)) * this.ratio;
  }

  private scaleOfAll(): number {
    return ((1 - 2 * MARGIN) * Math.min(this.canvas.width, this.canvas.height)) / NOWHERE;
  }

  setSelection(selection: Selection | null): void {
    this.selection = selection;
    this.renderer.setSelection(selection);
    this.draw();
  }

  /** Marks an item and joins others to it. */
  setMarked(place: number | null, lines: Line[] = []): void {
    this.marked = place;
    this.lines = lines;
    this.draw();
  }

  /** Shows everything. */
  whole(): void {
    this.show(this.geometry ? [extent(this.geometry.x, 0), extent(this.geometry.y, 0)] : null);
  }

  /** Shows nearly everything: a few that lie far away do not make all others small. */
  private nearly(): void {
    if (!this.geometry) return;
    const [all, most] = [0, STRAY].map((share) => [extent(this.geometry!.x, share), extent(this.geometry!.y, share)] as const);
    const wide = (box: typeof all): number => Math.max(...box!.map(([low, high]) => high - low));
    // Where that gains little, nothing is left out.
    this.show(wide(most) < 0.7 * wide(all) ? most! : all!);
  }

  private show(box: readonly (readonly [number, number])[] | null): void {
    const [[left, right], [low, high]] = [box?.[0] ?? [0, NOWHERE], box?.[1] ?? [0, NOWHERE]];
    const { width, height } = this.canvas;
    const room = 1 - 2 * MARGIN;
    const scale = Math.min((room * width) / Math.max(1, right - left), (room * height) / Math.max(1, high - low));
    const [offsetX, offsetY] = [(width - scale * (left + right)) / 2, (height + scale * (low + high)) / 2];
    this.view = { ...this.view, scale, offsetX, offsetY };
    this.draw();
  }

  /** Zooms around a pixel, or around the item that is marked. */
  zoom(by: number, atX?: number, atY?: number): void {
    const marked = this.marked === null ? null : this.pixel(this.marked);
    const x = atX ?? marked?.[0] ?? this.canvas.width / 2;
    const y = atY ?? marked?.[1] ?? this.canvas.height / 2;
    const { scale, offsetX, offsetY } = this.view;
    const next = Math.max(1e-3, Math.min(60, scale * by));
    const factor = next / scale;
    this.view = { ...this.view, scale: next, offsetX: x + (offsetX - x) * factor, offsetY: y + (offsetY - y) * factor };
    this.draw();
  }

  /** The next item in a direction, y upwards. */
  step(from: number, dx: number, dy: number): number | null {
    return this.grid?.towards(from, dx, dy) ?? null;
  }

  /** Moves the map so that an item is seen. */
  reveal(place: number): void {
    const at = this.pixel(place);
    if (!at) return;
    const { width, height } = this.canvas;
    const inside = at[0] > 0.1 * width && at[0] < 0.9 * width && at[1] > 0.1 * height && at[1] < 0.9 * height;
    if (inside) return;
    this.move(width / 2 - at[0], height / 2 - at[1]);
  }

  private pixel(place: number): [number, number] | null {
    const [x, y] = [this.geometry?.x[place] ?? NOWHERE, this.geometry?.y[place] ?? NOWHERE];
    if (x === NOWHERE) return null;
    return [x * this.view.scale + this.view.offsetX, this.view.offsetY - y * this.view.scale];
  }

  private move(dx: number, dy: number): void {
    this.view = { ...this.view, offsetX: this.view.offsetX + dx, offsetY: this.view.offsetY + dy };
    this.draw();
  }

  private fit(): void {
    const box = this.canvas.parentElement?.getBoundingClientRect();
    if (!box || box.width === 0) return;
    const [width, height] = [Math.round(box.width * this.ratio), Math.round(box.height * this.ratio)];
    const first = this.canvas.width !== width || this.canvas.height !== height;
    this.overlay.width = width;
    this.overlay.height = height;
    if (first) {
      this.renderer.resize(width, height);
      this.nearly();
    }
  }

  private draw(): void {
    if (!this.geometry) return;
    this.view.size = this.size();
    this.renderer.draw({ ...this.view });
    const context = this.overlay.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    context.strokeStyle = this.ink;
    if (this.lasso) {
      context.lineWidth = 1.5 * this.ratio;
      context.beginPath();
      for (const corner of this.lasso) context.lineTo(...corner);
      context.stroke();
    }
    const from = this.marked === null ? null : this.pixel(this.marked);
    if (!from) return;
    for (const line of this.lines) {
      const to = this.pixel(line.to);
      if (!to) continue;
      context.lineWidth = 1.25 * this.ratio;
      context.globalAlpha = line.kept ? 0.75 : 0.55;
      context.setLineDash(line.kept ? [] : [4 * this.ratio, 4 * this.ratio]);
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.lineWidth = 2 * this.ratio;
    context.beginPath();
    context.arc(...from, 7 * this.ratio, 0, 2 * Math.PI);
    context.stroke();
  }

  private at(event: PointerEvent | WheelEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
  }

  private under(event: PointerEvent): number | null {
    const [x, y] = this.at(event);
    const { scale, offsetX, offsetY } = this.view;
    const reach = (REACH * this.ratio) / scale;
    return this.grid?.nearest((x - offsetX) / scale, (offsetY - y) / scale, reach, this.selection) ?? null;
  }

  private listen(): void {
    const down = new Map<number, [number, number]>();
    let moved = 0;
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), ...this.at(event));
    }, { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, this.at(event));
      moved = 0;
      this.lasso = event.shiftKey ? [this.at(event)] : null;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      const now = this.at(event);
      if (!before) {
        this.events.onHover(this.under(event), event.clientX, event.clientY);
        return;
      }
      down.set(event.pointerId, now);
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (moved < 4 * this.ratio) return;
      this.events.onHover(null, 0, 0);
      if (this.lasso) {
        this.lasso.push(now);
        this.draw();
        return;
      }
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (!other) {
        this.move(now[0] - before[0], now[1] - before[1]);
        return;
      }
      const apart = (a: [number, number]): number => Math.hypot(a[0] - other[0], a[1] - other[1]);
      this.zoom(apart(now) / Math.max(1, apart(before)), ...other);
    });
    const up = (event: PointerEvent): void => {
      const { lasso } = this;
      this.lasso = null;
      if (lasso && lasso.length > 2 && this.geometry) {
        down.delete(event.pointerId);
        const { scale, offsetX, offsetY } = this.view;
        const polygon = lasso.map(([x, y]): [number, number] => [(x - offsetX) / scale, (offsetY - y) / scale]);
        this.events.onLasso(within(this.geometry, polygon));
        return;
      }
      if (down.delete(event.pointerId) && moved < 4 * this.ratio && event.type === "pointerup") this.events.onPick(this.under(event));
    };
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
    this.canvas.addEventListener("pointerleave", () => this.events.onHover(null, 0, 0));
  }
}

/** Between which codes all items lie but for a share at each end. */
function extent(codes: Uint16Array, share: number): [number, number] {
  const counts = new Uint32Array(NOWHERE + 1);
  for (const code of codes) counts[code]!++;
  const placed = codes.length - counts[NOWHERE]!;
  const left = Math.floor(placed * share);
  const end = (from: number, step: number): number => {
    let at = from;
    for (let passed = counts[at]!; passed <= left && at + step >= 0 && at + step < NOWHERE; passed += counts[at]!) at += step;
    return at;
  };
  return placed > 0 ? [end(0, 1), end(NOWHERE - 1, -1)] : [0, NOWHERE];
}
