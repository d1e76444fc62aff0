// Colours that everyone can tell apart, on light and on dark ground.

import type { Colours } from "./columns";

export type Theme = "light" | "dark";
type Rgb = readonly [number, number, number];

/** Groups: Okabe and Ito's eight (Color universal design, 2008), dimmed or raised so that each stands out from the ground. */
const GROUPS: Record<Theme, readonly string[]> = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b8559a", "#c98a00", "#3b9fd4", "#7a5cc4", "#8a6d3b", "#5f7f1f", "#a03048", "#1f7f86", "#5d6068"],
  dark: ["#56b4e9", "#f08a4b", "#3ecfa0", "#e396c6", "#f0c04a", "#8fd0f5", "#b3a0ee", "#cbb083", "#a9cf5c", "#ee7f92", "#63c5cc", "#aeb4bf"],
};
/** Groups beyond those that have a colour of their own, and what has no value. */
const OTHERS: Record<Theme, string> = { light: "#8b929c", dark: "#767e8a" };
const MISSING: Record<Theme, string> = { light: "#c3c8cf", dark: "#4b525c" };
export const GROUND: Record<Theme, string> = { light: "#fbfbfa", dark: "#14171b" };
export const UNSELECTED: Record<Theme, string> = { light: "#d3d7dc", dark: "#363c44" };

/** Cividis (Nuñez, Anderton and Renslow 2018), from dark blue to yellow, at nine places: told apart by its lightness alone. */
const SEQUENCE: readonly Rgb[] = [
  [0, 34, 78], [30, 59, 111], [67, 84, 108], [97, 109, 113], [125, 124, 120],
  [155, 148, 119], [187, 173, 108], [222, 203, 88], [254, 232, 56],
];
/** Signed numbers: blue, grey, orange. */
const DIVERGING: readonly Rgb[] = [[33, 102, 172], [103, 169, 207], [190, 195, 200], [239, 138, 98], [178, 60, 20]];

/** Codes 0 to 252 are groups or steps of a scale. */
export const OTHER_CODE = 254;
export const MISSING_CODE = 255;
const STEPS = 253;

export function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** RGBA as it lies in memory. */
export function packed([red, green, blue]: Rgb): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The colour of a group by its rank. */
export function groupColour(rank: number, theme: Theme): string {
  return GROUPS[theme][rank] ?? OTHERS[theme];
}

export function missingColour(theme: Theme): string {
  return MISSING[theme];
}

/** A colour of a scale, at 0 to 1. */
export function scaleColour(at: number, diverging: boolean, theme: Theme): Rgb {
  const stops = diverging ? DIVERGING : SEQUENCE;
  // On dark ground the darkest end would vanish: the scale begins above it.
  const share = diverging || theme === "light" ? at : 0.25 + 0.75 * at;
  // On light ground the lightest end would.
  const place = (diverging || theme === "dark" ? share : share * 0.92) * (stops.length - 1);
  const first = Math.max(0, Math.min(stops.length - 2, Math.floor(place)));
  const [a, b] = [stops[first] ?? [0, 0, 0], stops[first + 1] ?? [0, 0, 0]];
  const part = Math.max(0, Math.min(1, place - first));
  const channel = (i: 0 | 1 | 2): number => Math.round((a[i] ?? 0) + ((b[i] ?? 0) - (a[i] ?? 0)) * part);
  return [channel(0), channel(1), channel(2)];
}

/** Whether numbers are signed: a scale with a middle suits them. */
export function isDiverging(colours: Colours): boolean {
  return colours.kind === "number" && colours.low < 0 && colours.high > 0;
}

/** Whether equal steps of a scale are equal factors: counts and incomes, of which most are small. */
export function isLogarithmic(colours: Colours): boolean {
  return colours.kind === "number" && colours.min > 0 && colours.high / colours.low >= 30;
}

/** The ends of the scale of numbers: those of most, even around 0 where they are signed. */
export function ends(colours: Colours & { kind: "number" | "time" }): [number, number] {
  if (isDiverging(colours)) {
    const far = Math.max(-colours.low, colours.high);
    return [-far, far];
  }
  return colours.high > colours.low ? [colours.low, colours.high] : [colours.min, colours.max];
}

/** A colour of the 256 for each item, and these colours. */
export function shaded(colours: Colours | null, count: number, theme: Theme): { codes: Uint8Array; palette: Uint32Array } {
  const palette = new Uint32Array(256).fill(packed(rgb(OTHERS[theme])));
  palette[MISSING_CODE] = packed(rgb(MISSING[theme]));
  const codes = new Uint8Array(count);
  if (!colours) {
    palette[0] = packed(rgb(groupColour(0, theme)));
    return { codes, palette };
  }
  if ("codes" in colours) {
    const own = GROUPS[theme].length;
    for (let rank = 0; rank < own; rank++) palette[rank] = packed(rgb(groupColour(rank, theme)));
    const none = colours.codes instanceof Uint8Array ? 255 : 65535;
    for (let i = 0; i < count; i++) {
      const code = colours.codes[i] ?? none;
      codes[i] = code === none ? MISSING_CODE : code < own ? code : OTHER_CODE;
    }
    return { codes, palette };
  }
  const diverging = isDiverging(colours);
  for (let step = 0; step < STEPS; step++) palette[step] = packed(scaleColour(step / (STEPS - 1), diverging, theme));
  const told = isLogarithmic(colours) ? Math.log : (value: number): number => value;
  const [low, high] = ends(colours).map(told) as [number, number];
  const factor = high > low ? (STEPS - 1) / (high - low) : 0;
  for (let i = 0; i < count; i++) {
    const value = told(colours.values[i] ?? NaN);
    codes[i] = Number.isNaN(value) ? MISSING_CODE : Math.max(0, Math.min(STEPS - 1, Math.round((value - low) * factor)));
  }
  return { codes, palette };
}

/** The contrast of two colours as WCAG 2 defines it, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const light = (colour: Rgb): number => {
    const [red, green, blue] = colour.map((channel) => {
      const c = channel / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  };
  const [brighter, darker] = [light(a), light(b)].sort((p, q) => q - p);
  return ((brighter ?? 0) + 0.05) / ((darker ?? 0) + 0.05);
}
