import assert from "node:assert/strict";
import test from "node:test";
import { NOWHERE, Selection } from "../src/columns";
import { Grid } from "../src/grid";
import { within } from "../src/lasso";
import { contrast, groupColour, GROUND, isLogarithmic, MISSING_CODE, rgb, scaleColour, shaded } from "../src/palette";
import { Rasteriser } from "../src/render/rasteriser";

/** Numbers that look random and are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function cloud(count: number, seed: number): { x: Uint16Array; y: Uint16Array } {
  const next = numbers(seed);
  const [x, y] = [new Uint16Array(count), new Uint16Array(count)];
  for (let i = 0; i < count; i++) {
    const missing = i % 50 === 49;
    x[i] = missing ? NOWHERE : Math.floor(next() ** 2 * 65535);
    y[i] = missing ? NOWHERE : Math.floor(next() * 65535);
  }
  return { x, y };
}

test("every point that is seen is drawn, and nothing else", () => {
  const { x, y } = cloud(3000, 1);
  const [width, height, background] = [120, 90, 0xff000000];
  const palette = new Uint32Array(256).fill(0xffffffff);
  const rasteriser = new Rasteriser(x, y);
  rasteriser.setColours(new Uint8Array(3000));
  for (const view of [{ scale: 0.0013, offsetX: 5, offsetY: 86, size: 1 }, { scale: 0.006, offsetX: -20, offsetY: 200, size: 1 }]) {
    const pixels = new Uint32Array(width * height);
    const look = { colours: new Uint8Array(0), palette, unselected: 0xff808080, background };
    rasteriser.draw(view, look, width, height, pixels);
    const wanted = new Set<number>();
    for (let i = 0; i < x.length; i++) {
      if (x[i] === NOWHERE) continue;
      const [px, py] = [Math.trunc(x[i]! * view.scale + view.offsetX), Math.trunc(view.offsetY - y[i]! * view.scale)];
      const inside = px >= 0 && py >= 0 && px < width && py < height;
      if (inside) wanted.add(py * width + px);
    }
    const drawn = new Set([...pixels.keys()].filter((at) => pixels[at] !== background));
    assert.ok(wanted.size > 20);
    assert.deepEqual([...drawn].sort(), [...wanted].sort());
  }
});

test("the selected lie above the others", () => {
  const [x, y] = [Uint16Array.of(100, 100), Uint16Array.of(100, 100)];
  const rasteriser = new Rasteriser(x, y);
  rasteriser.setColours(Uint8Array.of(0, 1));
  const palette = new Uint32Array(256);
  [palette[0], palette[1]] = [0xff0000ff, 0xff00ff00];
  const shown = (bits: number): number => {
    rasteriser.setSelection(Uint8Array.of(bits));
    const pixels = new Uint32Array(4);
    rasteriser.draw({ scale: 0.001, offsetX: 0.5, offsetY: 1.5, size: 1 }, { colours: new Uint8Array(2), palette, unselected: 0xff404040, background: 0xff000000 }, 2, 2, pixels);
    return pixels.find((pixel) => pixel !== 0xff000000) ?? 0;
  };
  assert.ok((shown(1) & 255) > 128, "red is the first");
  assert.ok(((shown(2) >> 8) & 255) > 128, "green is the second");
});

test("the nearest item is that of a look at all", () => {
  const { x, y } = cloud(2000, 2);
  const grid = new Grid({ count: 2000, x, y, bounds: { minX: 0, maxX: 1, minY: 0, maxY: 1 } });
  const among = new Selection(2000);
  for (let i = 0; i < 2000; i += 3) among.add(i);
  const next = numbers(3);
  for (let turn = 0; turn < 200; turn++) {
    const [atX, atY, reach] = [next() * 65535, next() * 65535, next() * 3000];
    for (const chosen of [null, among]) {
      const off = (i: number): number => (x[i]! - atX) ** 2 + (y[i]! - atY) ** 2;
      const all = [...x.keys()].filter((i) => x[i] !== NOWHERE && off(i) <= reach ** 2 && (!chosen || chosen.has(i)));
      const wanted = all.length > 0 ? Math.min(...all.map(off)) : null;
      const found = grid.nearest(atX, atY, reach, chosen);
      assert.equal(found === null ? null : off(found), wanted);
    }
  }
});

test("a step goes where the arrow points", () => {
  const x = Uint16Array.of(1000, 30000, 1000, 1200);
  const y = Uint16Array.of(1000, 1000, 60000, 1010);
  const grid = new Grid({ count: 4, x, y, bounds: { minX: 0, maxX: 1, minY: 0, maxY: 1 } });
  assert.equal(grid.towards(0, 1, 0), 3);
  assert.equal(grid.towards(3, 1, 0), 1);
  assert.equal(grid.towards(0, 0, 1), 2);
  assert.equal(grid.towards(0, -1, 0), null);
});

test("groups and scales stand out from the ground", () => {
  for (const theme of ["light", "dark"] as const) {
    const ground = rgb(GROUND[theme]);
    for (let rank = 0; rank < 12; rank++) {
      assert.ok(contrast(rgb(groupColour(rank, theme)), ground) >= 2.4, `${theme} ${rank}`);
    }
    let last = 0;
    for (let step = 0; step <= 20; step++) {
      const light = contrast(scaleColour(step / 20, false, theme), [0, 0, 0]);
      assert.ok(light > last, "a scale gets lighter");
      last = light;
    }
  }
});

test("counts are shaded by factors, and what is missing has a colour of its own", () => {
  const values = Float32Array.of(1, 10, 100, NaN);
  const counts = { kind: "number" as const, name: "n", missing: 1, origin: 0, min: 1, max: 100, low: 1, high: 100, values };
  assert.ok(isLogarithmic(counts));
  const { codes } = shaded(counts, 4, "light");
  assert.deepEqual([...codes], [0, 126, 252, MISSING_CODE]);
  const signed = { ...counts, min: -100, low: -100, values: Float32Array.of(-100, 0, 100) };
  assert.deepEqual([...shaded(signed, 3, "dark").codes], [0, 126, 252]);
});

test("a line goes around what lies within it", () => {
  const x = Uint16Array.of(10, 50, 90, 50, NOWHERE);
  const y = Uint16Array.of(10, 50, 90, 20, NOWHERE);
  const geometry = { count: 5, x, y, bounds: { minX: 0, maxX: 1, minY: 0, maxY: 1 } };
  // A notch from below leaves out what lies in it.
  const chosen = within(geometry, [[0, 0], [45, 0], [50, 40], [55, 0], [80, 0], [80, 80], [0, 80]]);
  assert.deepEqual([...chosen.places()], [0, 1]);
});
