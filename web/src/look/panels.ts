// What stands beside the map: lists and tables that are real, so that they can be read aloud and copied.

import type { Found, Item, MapAbout, Trust } from "../api";
import type { Colours } from "../columns";
import { ends, groupColour, isDiverging, isLogarithmic, missingColour, scaleColour } from "../palette";
import type { Theme } from "../palette";

type Child = Node | string | null;

/** An element with what belongs to it. */
export function element<K extends keyof HTMLElementTagNameMap>(name: K, className: string, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return value.toLocaleString("en", { maximumSignificantDigits: 4, useGrouping: false });
}

function pick(id: string, place: number, onPick: (place: number) => void): HTMLButtonElement {
  const button = element("button", "item", id);
  button.type = "button";
  button.addEventListener("click", () => onPick(place));
  return button;
}

/** What was found, nearest first. */
export function showHits(into: HTMLElement, found: Found, onPick: (place: number) => void): void {
  const how = found.index ? `, ${found.index.recall === null ? "by its index" : `${(100 * found.index.recall).toFixed(1)} % of the nearest`}` : "";
  const list = element("ol", "list", ...found.hits.map((hit) => {
    const figure = hit.similarity ?? hit.score ?? hit.distance;
    return element("li", "", pick(hit.id, hit.place, onPick), figure === undefined ? null : element("span", "figure", figure.toFixed(3)));
  }));
  into.replaceChildren(element("h2", "", "Found"), element("p", "how", `${found.reading}; ${found.metric}${how}`), list);
  into.hidden = false;
}

/** An item, its true neighbours, and those that the map made up. */
export function showDetails(into: HTMLElement, item: Item, trust: Trust | null, onPick: (place: number) => void): void {
  const rows = Object.entries(item.columns ?? {}).filter(([, value]) => value !== null && value !== "");
  const table = element("table", "values", element("tbody", "", ...rows.map(([name, value]) => {
    const head = element("th", "", name);
    head.scope = "row";
    return element("tr", "", head, element("td", "", shown(value)));
  })));
  const parts: Child[] = [element("h2", "name", item.id), rows.length > 0 ? table : null];
  if (trust) {
    const torn = trust.neighbours.filter((neighbour) => neighbour.on_map === false).length;
    parts.push(element("h3", "", `Nearest by ${trust.metric}`));
    parts.push(element("p", "how", torn === 0 ? "All of them are near on the map, too." : `${torn} of ${trust.neighbours.length} are far away on the map: dashed.`));
    parts.push(element("ol", "list", ...trust.neighbours.map((neighbour) => {
      const line = element("li", neighbour.on_map === false ? "torn" : "", pick(neighbour.id, neighbour.place, onPick), element("span", "figure", number(neighbour.distance)));
      if (neighbour.on_map === false) line.append(element("span", "mark", "torn apart"));
      return line;
    })));
    if (trust.false_neighbours.length > 0) {
      parts.push(element("h3", "", "Near on the map only"));
      parts.push(element("ul", "list", ...trust.false_neighbours.map((neighbour) =>
        element("li", "", pick(neighbour.id, neighbour.place, onPick), element("span", "figure", number(neighbour.distance))))));
    }
  }
  into.replaceChildren(...parts.filter((part) => part !== null));
  into.hidden = false;
}

function shown(value: unknown): string {
  if (typeof value === "number") return number(value);
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}

/** What the colours mean; groups can be chosen. */
export function showLegend(into: HTMLElement, colours: Colours | null, theme: Theme, chosen: ReadonlySet<number>, onToggle: (label: number) => void): void {
  if (!colours) {
    into.replaceChildren();
    return;
  }
  const parts: Child[] = [element("h2", "", colours.name)];
  if ("codes" in colours) {
    const labels = colours.labels.slice(0, 40).map((label, rank) => {
      const swatch = element("span", "swatch");
      swatch.style.background = groupColour(rank, theme);
      const button = element("button", "group", swatch, element("span", "", label), element("span", "figure", String(colours.counts[rank] ?? 0)));
      button.type = "button";
      button.setAttribute("aria-pressed", String(chosen.has(rank)));
      button.addEventListener("click", () => onToggle(rank));
      return element("li", "", button);
    });
    parts.push(element("ul", "list groups", ...labels));
    const rest = colours.labels.length - labels.length;
    if (rest > 0) parts.push(element("p", "how", `and ${rest} more`));
  } else {
    const [low, high] = ends(colours);
    const scale = element("div", "scale", ...Array.from({ length: 32 }, (_, step) => {
      const part = element("span", "");
      part.style.background = `rgb(${scaleColour(step / 31, isDiverging(colours), theme).join(" ")})`;
      return part;
    }));
    const told = (value: number): string =>
      colours.kind === "time" ? new Date((value + colours.origin) * 1000).toISOString().slice(0, 10) : number(value);
    if (isLogarithmic(colours)) parts.push(element("p", "how", "equal steps are equal factors"));
    parts.push(scale, element("p", "ends", element("span", "", told(low)), element("span", "", told(high))));
  }
  if (colours.missing > 0) {
    const swatch = element("span", "swatch");
    swatch.style.background = missingColour(theme);
    parts.push(element("p", "how missing", swatch, `${colours.missing} without a value`));
  }
  into.replaceChildren(...parts.filter((part) => part !== null));
}

/** How far a map may be trusted, each figure beside what chance gives. */
export function figuresOf(map: MapAbout | undefined): string {
  const told = map?.about["faithfulness"] as Record<string, unknown> | undefined;
  if (!map || !told) return "";
  const chance = (told["null"] ?? {}) as Record<string, unknown>;
  const value = (of: unknown): number => Number(typeof of === "object" && of !== null ? (of as { value?: unknown }).value : of);
  const parts: string[] = [];
  for (const [key, name] of [["neighbours_kept_10", "neighbours kept"], ["trustworthiness", "trustworthiness"]] as const) {
    const figure = value(told[key]);
    if (!Number.isFinite(figure)) continue;
    const by = value(chance[key]);
    parts.push(`${name} ${figure.toFixed(2)}${Number.isFinite(by) ? ` (chance ${by.toFixed(2)})` : ""}`);
  }
  if (!map.complete) parts.push("items came since");
  return parts.join(" · ");
}
