// Which items lie within a line drawn around them.

import { NOWHERE, Selection } from "./columns";
import type { Geometry } from "./columns";

/** The items within a polygon, given in codes; where it crosses itself, those that an odd number of its sides goes around. */
export function within(geometry: Geometry, polygon: readonly (readonly [number, number])[]): Selection {
  const { x, y, count } = geometry;
  const chosen = new Selection(count);
  const xs = polygon.map((corner) => corner[0]);
  const ys = polygon.map((corner) => corner[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  for (let i = 0; i < count; i++) {
    const [atX, atY] = [x[i]!, y[i]!];
    if (atX === NOWHERE || atX < left || atX > right || atY < low || atY > high) continue;
    let inside = false;
    for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
      const crosses = ys[a]! > atY !== ys[b]! > atY;
      if (crosses && atX < ((xs[b]! - xs[a]!) * (atY - ys[a]!)) / (ys[b]! - ys[a]!) + xs[a]!) inside = !inside;
    }
    if (inside) chosen.add(i);
  }
  return chosen;
}
