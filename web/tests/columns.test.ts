import assert from "node:assert/strict";
import test from "node:test";
import { csv } from "../src/save";
import { decodeColours, decodeGeometry, NOWHERE, Selection } from "../src/columns";

function geometry(points: [number, number][]): ArrayBuffer {
  const buffer = new ArrayBuffer(32 + 4 * points.length);
  const view = new DataView(buffer);
  [0x474c544c, 1, points.length, 0].forEach((word, at) => view.setUint32(4 * at, word, true));
  [-1, 3, 2, 6].forEach((bound, at) => view.setFloat32(16 + 4 * at, bound, true));
  points.forEach(([x, y], at) => {
    view.setUint16(32 + 2 * at, x, true);
    view.setUint16(32 + 2 * (points.length + at), y, true);
  });
  return buffer;
}

test("geometry is read as it was written", () => {
  const read = decodeGeometry(geometry([[0, 65534], [7, 8], [NOWHERE, NOWHERE]]));
  assert.deepEqual([read.count, [...read.x], [...read.y]], [3, [0, 7, NOWHERE], [65534, 8, NOWHERE]]);
  assert.deepEqual(read.bounds, { minX: -1, maxX: 3, minY: 2, maxY: 6 });
});

test("what is no geometry, too new, or cut short is refused", () => {
  const whole = geometry([[1, 2], [3, 4]]);
  assert.throws(() => decodeGeometry(whole.slice(0, 36)), /cut short/);
  assert.throws(() => decodeGeometry(new ArrayBuffer(40)), /no geometry/);
  new DataView(whole).setUint32(4, 2, true);
  assert.throws(() => decodeGeometry(whole), /version 2/);
});

test("colours of names and of numbers", () => {
  const packed = (about: unknown, values: Uint8Array): ArrayBuffer => {
    const text = new TextEncoder().encode(JSON.stringify(about));
    const from = Math.ceil((4 + text.length) / 4) * 4;
    const out = new Uint8Array(from + values.length);
    new DataView(out.buffer).setUint32(0, text.length, true);
    out.set(text, 4);
    out.set(values, from);
    return out.buffer;
  };
  const named = decodeColours(packed({ name: "şehir", kind: "category", count: 3, missing: 1, bytes: 2, labels: ["a"], counts: [2] }, new Uint8Array([0, 0, 255, 255, 0, 0])));
  assert.ok("codes" in named);
  assert.deepEqual([named.name, [...named.codes]], ["şehir", [0, 65535, 0]]);
  const numbers = decodeColours(packed({ name: "n", kind: "number", count: 2, missing: 1, origin: 0, min: 1.5, max: 1.5, low: 1.5, high: 1.5 }, new Uint8Array(new Float32Array([1.5, NaN]).buffer)));
  assert.ok("values" in numbers);
  assert.deepEqual([numbers.values[0], Number.isNaN(numbers.values[1])], [1.5, true]);
});

test("selections count, meet and list", () => {
  const [a, b] = [new Selection(20), new Selection(20)];
  for (const place of [0, 7, 8, 19]) a.add(place);
  for (const place of [7, 9, 19]) b.add(place);
  assert.equal(a.size(), 4);
  assert.deepEqual([...a.and(b).places()], [7, 19]);
  assert.equal(a.has(9), false);
});

test("tables quote what has to be", () => {
  const items = [
    { place: 0, id: "a,b", columns: { text: 'say "hi"', n: 1.5, tags: ["x", "y"] } },
    { place: 1, id: "c", columns: { text: null, more: "two\nlines" } },
  ];
  assert.equal(csv(items), 'id,text,n,tags,more\r\n"a,b","say ""hi""",1.5,x|y,\r\nc,,,,"two\nlines"\r\n');
});
