// Draws all points of a map into pixels without a GPU.
//
// Points lie in memory in the order of a grid of cells, so that a view of a part touches that part alone. Each pixel counts how many
// points it holds and keeps the colour of the last; how strongly it is painted follows the count, so that a million points show where
// they are many. Two passes: what is not selected, then what is.

import { NOWHERE } from "../columns";
import { FEW, RAISED } from "./renderer";
import type { Look, View } from "./renderer";

/** Cells along each axis. */
const CELLS = 128;
const CELL = Math.ceil(NOWHERE / CELLS);

export class Rasteriser {
  private readonly x: Uint16Array;
  private readonly y: Uint16Array;
  /** The place of each point as it lies here. */
  private readonly places: Uint32Array;
  /** Where the points of each cell begin. */
  private readonly starts: Uint32Array;
  private shades = new Uint8Array(0);
  private chosen: Uint8Array | null = null;
  private raised = 0;
  private counts = new Uint16Array(0);
  private tops = new Uint8Array(0);

  constructor(x: Uint16Array, y: Uint16Array) {
    const cellOf = (i: number): number => Math.floor((y[i] ?? 0) / CELL) * CELLS + Math.floor((x[i] ?? 0) / CELL);
    const starts = new Uint32Array(CELLS * CELLS + 1);
    let count = 0;
    for (let i = 0; i < x.length; i++) {
      if (x[i] === NOWHERE) continue;
      count++;
      const cell = cellOf(i) + 1;
      starts[cell] = (starts[cell] ?? 0) + 1;
    }
    for (let cell = 1; cell < starts.length; cell++) starts[cell] = (starts[cell] ?? 0) + (starts[cell - 1] ?? 0);
    const next = starts.slice();
    this.places = new Uint32Array(count);
    this.x = new Uint16Array(count);
    this.y = new Uint16Array(count);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === NOWHERE) continue;
      const cell = cellOf(i);
      const at = next[cell] ?? 0;
      next[cell] = at + 1;
      this.places[at] = i;
      this.x[at] = x[i] ?? 0;
      this.y[at] = y[i] ?? 0;
    }
    this.starts = starts;
  }

  /** Which of the 256 colours each item has, by place. */
  setColours(colours: Uint8Array): void {
    this.shades = Uint8Array.from(this.places, (place) => colours[place] ?? 255);
  }

  /** A bit an item by place, or all. */
  setSelection(bits: Uint8Array | null): void {
    this.chosen = bits && Uint8Array.from(this.places, (place) => ((bits[place >> 3] ?? 0) >> (place & 7)) & 1);
    const count = this.chosen?.reduce((sum, one) => sum + one, 0) ?? 0;
    this.raised = count < FEW * this.places.length ? RAISED : 0;
  }

  /** Draws into width × height pixels. */
  draw(view: View, look: Look, width: number, height: number, pixels: Uint32Array): void {
    if (this.counts.length !== width * height) {
      this.counts = new Uint16Array(width * height);
      this.tops = new Uint8Array(width * height);
    }
    pixels.fill(look.background);
    const size = Math.max(1, Math.round(view.size));
    if (this.chosen) {
      this.pass(view, size, width, height, 0);
      this.paint(pixels, look, () => look.unselected, 0.55);
      this.pass(view, size + this.raised, width, height, 1);
      this.paint(pixels, look, (shade) => look.palette[shade] ?? 0, 1);
    } else {
      this.pass(view, size, width, height, -1);
      this.paint(pixels, look, (shade) => look.palette[shade] ?? 0, 1);
    }
  }

  /** Counts the points of every pixel: those selected (1), those not (0), or all (−1). */
  private pass(view: View, size: number, width: number, height: number, which: number): void {
    const { counts, tops, x, y, shades, chosen, starts } = this;
    counts.fill(0);
    const { scale, offsetX, offsetY } = view;
    // Codes that are seen, with the reach of a point beyond the edge.
    const code = (pixel: number, offset: number): number => (pixel - offset) / scale;
    const clamp = (cell: number): number => Math.max(0, Math.min(CELLS - 1, Math.floor(cell / CELL)));
    const [left, right] = [clamp(code(-size, offsetX)), clamp(code(width + size, offsetX))];
    // y of codes is upwards, of pixels downwards: pixel = offsetY − code · scale.
    const [low, high] = [clamp((offsetY - height - size) / scale), clamp((offsetY + size) / scale)];
    const disc = discOf(size);
    for (let cellY = low; cellY <= high; cellY++) {
      const from = starts[cellY * CELLS + left] ?? 0;
      const to = starts[cellY * CELLS + right + 1] ?? 0;
      for (let i = from; i < to; i++) {
        if (which >= 0 && chosen && chosen[i] !== which) continue;
        const px = (x[i]! * scale + offsetX) | 0;
        const py = (offsetY - y[i]! * scale) | 0;
        const shade = shades[i]!;
        if (size === 1) {
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const at = py * width + px;
          counts[at] = Math.min(counts[at]! + 1, 65535);
          tops[at] = shade;
          continue;
        }
        for (let d = 0; d < disc.length; d += 2) {
          const [qx, qy] = [px + disc[d]!, py + disc[d + 1]!];
          if (qx < 0 || qy < 0 || qx >= width || qy >= height) continue;
          const at = qy * width + qx;
          counts[at] = Math.min(counts[at]! + 1, 65535);
          tops[at] = shade;
        }
      }
    }
  }

  /** Paints every pixel that holds points over what is there. */
  private paint(pixels: Uint32Array, look: Look, colourOf: (shade: number) => number, strength: number): void {
    const { counts, tops } = this;
    const colours = Uint32Array.from({ length: 256 }, (_, shade) => colourOf(shade));
    // One point is seen, many are solid.
    const weights = Float32Array.from({ length: 17 }, (_, n) => strength * (1 - 0.32 * Math.pow(0.72, n - 1)));
    for (let at = 0; at < counts.length; at++) {
      const count = counts[at]!;
      if (count === 0) continue;
      pixels[at] = mix(pixels[at]!, colours[tops[at]!]!, weights[count < 16 ? count : 16]!);
    }

  }
}

/** Offsets of the pixels of a disc, x and y in turn. */
function discOf(size: number): Int8Array {
  const offsets: number[] = [];
  const radius = size / 2;
  const first = -Math.floor((size - 1) / 2);
  const middle = size % 2 === 1 ? 0 : 0.5;
  for (let dy = first; dy < first + size; dy++) {
    for (let dx = first; dx < first + size; dx++) {
      if ((dx - middle) ** 2 + (dy - middle) ** 2 <= radius * radius - 0.3) offsets.push(dx, dy);
    }
  }
  return Int8Array.from(offsets);
}

/** One colour over another, by a weight of 0 to 1. */
function mix(under: number, over: number, weight: number): number {
  const w = (weight * 256) | 0;
  const v = 256 - w;
  const odd = (((under & 0xff00ff) * v + (over & 0xff00ff) * w) >>> 8) & 0xff00ff;
  const even = ((under >>> 8) & 0xff) * v + ((over >>> 8) & 0xff) * w;
  return (0xff000000 | odd | (even & 0xff00)) >>> 0;
}
