// Which item lies near a place of the map, without looking at all.

import { NOWHERE } from "./columns";
import type { Geometry, Selection } from "./columns";

const CELLS = 256;
const CELL = Math.ceil(NOWHERE / CELLS);

export class Grid {
  private readonly order: Uint32Array;
  private readonly starts = new Uint32Array(CELLS * CELLS + 1);

  constructor(private readonly geometry: Geometry) {
    const { x, y, count } = geometry;
    const cellOf = (i: number): number => Math.floor(y[i]! / CELL) * CELLS + Math.floor(x[i]! / CELL);
    let placed = 0;
    for (let i = 0; i < count; i++) {
      if (x[i] === NOWHERE) continue;
      placed++;
      this.starts[cellOf(i) + 1]!++;
    }
    for (let cell = 1; cell < this.starts.length; cell++) this.starts[cell]! += this.starts[cell - 1]!;
    const next = this.starts.slice();
    this.order = new Uint32Array(placed);
    for (let i = 0; i < count; i++) if (x[i] !== NOWHERE) this.order[next[cellOf(i)]!++] = i;
  }

  /** The nearest item within a reach, in codes, if there is one; of the selected ones only, where some are. */
  nearest(atX: number, atY: number, reach: number, among: Selection | null): number | null {
    let [best, least] = [null as number | null, reach * reach];
    for (const i of this.around(atX, atY, reach)) {
      const off = (this.geometry.x[i]! - atX) ** 2 + (this.geometry.y[i]! - atY) ** 2;
      if (off <= least && (!among || among.has(i))) [best, least] = [i, off];
    }
    return best;
  }

  /** The nearest other item in a direction: the one whose way there strays least and is shortest. */
  towards(from: number, dx: number, dy: number): number | null {
    const [atX, atY] = [this.geometry.x[from]!, this.geometry.y[from]!];
    for (let reach = CELL; reach <= 2 * NOWHERE; reach *= 2) {
      let [best, least] = [null as number | null, Infinity];
      for (const i of this.around(atX, atY, reach)) {
        const [offX, offY] = [this.geometry.x[i]! - atX, this.geometry.y[i]! - atY];
        const [ahead, aside] = [offX * dx + offY * dy, Math.abs(offX * dy - offY * dx)];
        const cost = ahead + 2 * aside;
        if (i !== from && ahead > 0 && aside <= ahead && cost < least) [best, least] = [i, cost];
      }
      // What lies farther than the reach might have been nearer.
      if (best !== null && least <= reach) return best;
      if (best !== null && reach > NOWHERE) return best;
    }
    return null;
  }

  private *around(atX: number, atY: number, reach: number): Generator<number> {
    const clamp = (code: number): number => Math.max(0, Math.min(CELLS - 1, Math.floor(code / CELL)));
    const [left, right] = [clamp(atX - reach), clamp(atX + reach)];
    for (let row = clamp(atY - reach); row <= clamp(atY + reach); row++) {
      const [from, to] = [this.starts[row * CELLS + left]!, this.starts[row * CELLS + right + 1]!];
      for (let at = from; at < to; at++) yield this.order[at]!;
    }
  }
}
