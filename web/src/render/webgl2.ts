// Drawing with a GPU: positions, colours and the selection lie on it, and a view is four numbers.

import type { Geometry, Selection } from "../columns";
import { FEW, RAISED } from "./renderer";
import type { Look, Renderer, View } from "./renderer";

const VERTEX = `#version 300 es
in vec2 code; in float shade; in float chosen;
uniform vec4 view; uniform vec2 canvas; uniform float size; uniform float wanted;
out float colour;
void main() {
  bool hidden = code.x > 65534.5 || (wanted >= 0.0 && abs(chosen - wanted) > 0.5);
  vec2 pixel = vec2(code.x * view.x + view.y, view.z - code.y * view.x);
  gl_Position = hidden ? vec4(2.0) : vec4(pixel / canvas * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
  gl_PointSize = size;
  colour = shade;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in float colour; out vec4 painted;
uniform sampler2D palette; uniform vec4 plain; uniform float round;
void main() {
  vec2 off = gl_PointCoord - 0.5;
  if (round > 0.5 && dot(off, off) > 0.25) discard;
  painted = plain.a > 0.0 ? plain : vec4(texelFetch(palette, ivec2(int(colour + 0.5), 0), 0).rgb, 0.68);
}`;

export class WebGl2Renderer implements Renderer {
  readonly name = "webgl2";
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly buffers: WebGLBuffer[];
  private count = 0;
  private look: Look | null = null;
  private selected = false;
  private raised = 0;
  private view: View | null = null;
  private frame = 0;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2");
    this.gl = gl;
    this.program = built(gl);
    gl.useProgram(this.program);
    this.buffers = ["code", "shade", "chosen"].map((name) => {
      const place = gl.getAttribLocation(this.program, name);
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(place);
      const wide = name === "code";
      gl.vertexAttribPointer(place, wide ? 2 : 1, wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE, false, 0, 0);
      return buffer;
    });
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  setGeometry(geometry: Geometry): void {
    this.count = geometry.count;
    const codes = new Uint16Array(2 * geometry.count);
    for (let i = 0; i < geometry.count; i++) {
      codes[2 * i] = geometry.x[i] ?? 0;
      codes[2 * i + 1] = geometry.y[i] ?? 0;
    }
    this.fill(0, codes);
    this.fill(2, new Uint8Array(geometry.count));
    this.selected = false;
  }

  setLook(look: Look): void {
    const { gl } = this;
    this.look = look;
    this.fill(1, look.colours);
    const colours = new Uint8Array(look.palette.buffer, look.palette.byteOffset, 1024);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colours);
  }

  setSelection(selection: Selection | null): void {
    this.selected = selection !== null;
    this.raised = selection && selection.size() < FEW * this.count ? RAISED : 0;
    if (selection) this.fill(2, Uint8Array.from({ length: this.count }, (_, place) => Number(selection.has(place))));
  }

  resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
    this.gl.viewport(0, 0, width, height);
  }

  draw(view: View): void {
    this.view = view;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  picture(): Promise<ImageBitmap> {
    this.paint();
    return createImageBitmap(this.canvas);
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private paint(): void {
    const { gl, look, view } = this;
    if (!look || !view) return;
    const uniform = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(this.program, name);
    const [red, green, blue] = channels(look.background);
    gl.clearColor(red, green, blue, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(uniform("view"), view.scale, view.offsetX, view.offsetY, 0);
    gl.uniform2f(uniform("canvas"), this.canvas.width, this.canvas.height);
    const pass = (wanted: number, plain: readonly number[]): void => {
      const size = view.size + (wanted === 1 ? this.raised : 0);
      gl.uniform1f(uniform("size"), size);
      gl.uniform1f(uniform("round"), size > 2 ? 1 : 0);
      gl.uniform1f(uniform("wanted"), wanted);
      gl.uniform4fv(uniform("plain"), plain);
      gl.drawArrays(gl.POINTS, 0, this.count);
    };
    if (this.selected) pass(0, [...channels(look.unselected), 0.5]);
    pass(this.selected ? 1 : -1, [0, 0, 0, 0]);
  }

  private fill(which: number, values: ArrayBufferView): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[which] ?? null);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
  }
}

function channels(colour: number): [number, number, number] {
  return [(colour & 255) / 255, ((colour >>> 8) & 255) / 255, ((colour >>> 16) & 255) / 255];
}

function built(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("no shader");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "no program");
  return program;
}
