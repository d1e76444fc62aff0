// The rasteriser on a thread of its own, so that the page stays responsive while a million points are drawn.

import { Rasteriser } from "./rasteriser";
import type { Look, View } from "./renderer";

export type ToWorker =
  | { kind: "geometry"; x: Uint16Array; y: Uint16Array }
  | { kind: "look"; look: Look }
  | { kind: "selection"; bits: Uint8Array | null }
  | { kind: "draw"; view: View; width: number; height: number; pixels: ArrayBuffer | null };

export interface FromWorker {
  view: View;
  width: number;
  height: number;
  pixels: ArrayBuffer;
  /** How long drawing took, in milliseconds. */
  took: number;
}

const scope = self as unknown as DedicatedWorkerGlobalScope;
let rasteriser: Rasteriser | null = null;
let look: Look | null = null;

scope.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.kind) {
    case "geometry":
      rasteriser = new Rasteriser(data.x, data.y);
      break;
    case "look":
      look = data.look;
      rasteriser?.setColours(look.colours);
      break;
    case "selection":
      rasteriser?.setSelection(data.bits);
      break;
    case "draw": {
      const begun = performance.now();
      const bytes = 4 * data.width * data.height;
      const pixels = data.pixels?.byteLength === bytes ? data.pixels : new ArrayBuffer(bytes);
      if (rasteriser && look) rasteriser.draw(data.view, look, data.width, data.height, new Uint32Array(pixels));
      const { view, width, height } = data;
      const answer: FromWorker = { view, width, height, pixels, took: performance.now() - begun };
      scope.postMessage(answer, [pixels]);
      break;
    }
  }
};
