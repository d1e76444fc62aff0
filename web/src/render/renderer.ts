// What draws a map: one interface, two ways.

import type { Geometry, Selection } from "../columns";

/** Where the map lies on the canvas: x = code · scale + offsetX, y = offsetY − code · scale; and the diameter of a point, in pixels of the device. */
export interface View {
  scale: number;
  offsetX: number;
  offsetY: number;
  size: number;
}

/** How much larger the selected are drawn while they are few: fifty among a million have to be seen. */
export const RAISED = 3;
/** What is few, as a share. */
export const FEW = 0.02;

export interface Look {
  /** Which of the 256 colours each item has. */
  colours: Uint8Array;
  /** The colours as RGBA in the order of bytes in memory, 256 of them. */
  palette: Uint32Array;
  /** What the others are drawn in while only some are selected, and what is behind all. */
  unselected: number;
  background: number;}

export interface Renderer {
  readonly name: "webgl2" | "cpu";
  setGeometry(geometry: Geometry): void;
  setLook(look: Look): void;
  /** `null`: all are. */
  setSelection(selection: Selection | null): void;
  resize(width: number, height: number): void;
  /** Draws soon; of several views asked for in one frame the last counts. */
  draw(view: View): void;
  /** The picture as it was drawn last. */
  picture(): Promise<ImageBitmap>;
  destroy(): void;
}
