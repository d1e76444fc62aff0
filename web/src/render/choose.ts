// Which renderer suits this machine.

import { RasterRenderer } from "./raster";
import type { Renderer } from "./renderer";
import { WebGl2Renderer } from "./webgl2";

/** Names of what imitates a GPU, more slowly than our own rasteriser. */
const IMITATIONS = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** WebGL 2 where there is a real GPU; `cpu` or `webgl` forces one. */
export function chooseRenderer(canvas: HTMLCanvasElement, asked: string | null): Renderer {
  if (asked !== "cpu" && (asked === "webgl" || hasGpu())) {
    try {
      return new WebGl2Renderer(canvas);
    } catch {
      // What a canvas was once asked for stays with it, so this is for those that have no WebGL at all.
    }
  }
  return new RasterRenderer(canvas);
}

function hasGpu(): boolean {
  // Asked of another canvas: one that has given WebGL gives no pixels.
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !IMITATIONS.test(name);
}
