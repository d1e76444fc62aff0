// The binary answers of the server, as docs/serve.md lays them out.

export interface Geometry {
  count: number;
  /** 0 to 65534 along each axis, y upwards; NOWHERE where an item is on no map. */
  x: Uint16Array;
  y: Uint16Array;
  bounds: { minX: number; maxX: number; minY: number; maxY: number };
}

export const NOWHERE = 65535;
const MAGIC = 0x474c544c;
const HEAD = 32;

/** Positions of all items. Throws where the bytes are not what they claim. */
export function decodeGeometry(buffer: ArrayBuffer): Geometry {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEAD || view.getUint32(0, true) !== MAGIC) {
    throw new Error("this is no geometry");
  }
  const version = view.getUint32(4, true);
  if (version !== 1) throw new Error(`geometry of version ${version} is too new for this page`);
  const count = view.getUint32(8, true);
  if (buffer.byteLength !== HEAD + 4 * count) throw new Error("the geometry was cut short");
  const bound = (at: number): number => view.getFloat32(at, true);
  return {
    count,
    x: new Uint16Array(buffer, HEAD, count),
    y: new Uint16Array(buffer, HEAD + 2 * count, count),
    bounds: { minX: bound(16), maxX: bound(20), minY: bound(24), maxY: bound(28) },
  };
}

export interface Names {
  kind: "category" | "boolean";
  name: string;
  missing: number;
  /** Items whose name is not among the labels. */
  others: number;
  labels: string[];
  counts: number[];
  /** Which label each item has; `labels.length` or more: none. */
  codes: Uint8Array | Uint16Array;
}

export interface Numbers {
  kind: "number" | "time";
  name: string;
  missing: number;
  /** What is added to every number: moments are seconds after it. */
  origin: number;
  min: number;
  max: number;
  low: number;
  high: number;
  /** NaN where there is none. */
  values: Float32Array;
}

export type Colours = Names | Numbers;

/** A column as colours. */
export function decodeColours(buffer: ArrayBuffer): Colours {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Record<string, unknown>;
  const from = Math.ceil((4 + length) / 4) * 4;
  const count = Number(about["count"]);
  const shared = { name: String(about["name"]), missing: Number(about["missing"]) };
  if (about["kind"] === "category" || about["kind"] === "boolean") {
    return {
      ...shared,
      kind: about["kind"],
      others: Number(about["others"] ?? 0),
      labels: about["labels"] as string[],
      counts: about["counts"] as number[],
      codes: about["bytes"] === 1 ? new Uint8Array(buffer, from, count) : new Uint16Array(buffer, from, count),
    };
  }
  const number = (key: string): number => Number(about[key] ?? NaN);
  return {
    ...shared,
    kind: about["kind"] === "time" ? "time" : "number",
    origin: number("origin"),
    min: number("min"),
    max: number("max"),
    low: number("low"),
    high: number("high"),
    values: new Float32Array(buffer, from, count),
  };
}

/** A bit an item: place k is bit k mod 8 of byte k / 8. */
export class Selection {
  readonly bits: Uint8Array;

  constructor(readonly count: number, bits?: Uint8Array) {
    this.bits = bits ?? new Uint8Array(Math.ceil(count / 8));
  }

  has(place: number): boolean {
    return (((this.bits[place >> 3] ?? 0) >> (place & 7)) & 1) === 1;
  }

  add(place: number): void {
    const byte = place >> 3;
    this.bits[byte] = (this.bits[byte] ?? 0) | (1 << (place & 7));
  }

  /** How many are selected. */
  size(): number {
    let size = 0;
    for (const byte of this.bits) {
      let left = byte;
      while (left !== 0) {
        left &= left - 1;
        size++;
      }
    }
    return size;
  }

  /** Those that are in both. */
  and(other: Selection): Selection {
    return new Selection(this.count, this.bits.map((byte, at) => byte & (other.bits[at] ?? 0)));
  }

  /** The places that are selected, in order. */
  *places(): Generator<number> {
    for (let place = 0; place < this.count; place++) if (this.has(place)) yield place;
  }
}
