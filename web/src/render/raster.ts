// The page's half of drawing without a GPU: while the worker draws, the last picture is moved to where it belongs.

import type { Geometry, Selection } from "../columns";
import type { FromWorker, ToWorker } from "./raster-worker";
import type { Look, Renderer, View } from "./renderer";

export class RasterRenderer implements Renderer {
  readonly name = "cpu";
  private readonly context: CanvasRenderingContext2D;
  private readonly worker: Worker;
  private wanted: View | null = null;
  private busy = false;
  private spare: ArrayBuffer | null = null;
  /** The picture that was drawn last, and what it shows. */
  private last: { canvas: OffscreenCanvas; view: View } | null = null;
  private background = "#fff";
  private waiting: (() => void)[] = [];
  /** How long the worker took for the last frame. */
  took = 0;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser draws no pictures");
    this.context = context;
    this.worker = new Worker(new URL("./raster-worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.drawn(data);
  }

  setGeometry(geometry: Geometry): void {
    this.last = null;
    this.send({ kind: "geometry", x: geometry.x, y: geometry.y });
  }

  setLook(look: Look): void {
    const hex = (shift: number): string => ((look.background >>> shift) & 255).toString(16).padStart(2, "0");
    this.background = `#${hex(0)}${hex(8)}${hex(16)}`;
    this.send({ kind: "look", look });
  }

  setSelection(selection: Selection | null): void {
    this.send({ kind: "selection", bits: selection?.bits ?? null });
  }

  resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
    this.show();
  }

  draw(view: View): void {
    this.wanted = view;
    this.show();
    this.begin();
  }

  async picture(): Promise<ImageBitmap> {
    if (this.busy) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return createImageBitmap(this.canvas);
  }

  destroy(): void {
    this.worker.terminate();
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private begin(): void {
    if (this.busy || !this.wanted) return;
    this.busy = true;
    const pixels = this.spare;
    this.spare = null;
    const { width, height } = this.canvas;
    const message: ToWorker = { kind: "draw", view: this.wanted, width, height, pixels };
    this.worker.postMessage(message, pixels ? [pixels] : []);
    this.wanted = null;
  }

  private drawn({ view, width, height, pixels, took }: FromWorker): void {
    this.busy = false;
    this.took = took;
    const canvas = this.last?.canvas ?? new OffscreenCanvas(width, height);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const image = new ImageData(new Uint8ClampedArray(pixels), width, height);
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    this.spare = pixels;
    this.last = { canvas, view };
    this.show(this.wanted ?? view);
    this.begin();
    if (!this.busy) for (const done of this.waiting.splice(0)) done();
  }

  /** The last picture where a view puts it. */
  private show(view: View | null = this.wanted): void {
    const { context, last } = this;
    context.fillStyle = this.background;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!last) return;
    const to = view ?? last.view;
    const zoom = to.scale / last.view.scale;
    context.imageSmoothingEnabled = zoom !== 1;
    const left = to.offsetX - last.view.offsetX * zoom;
    const top = to.offsetY - last.view.offsetY * zoom;
    context.drawImage(last.canvas, left, top, last.canvas.width * zoom, last.canvas.height * zoom);
  }
}
