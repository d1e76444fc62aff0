// Ties what is asked to what is shown.

import { Api, Refusal } from "./api";
import type { Found, MapAbout, SpaceAbout } from "./api";
import { Selection } from "./columns";
import type { Colours, Geometry } from "./columns";
import { element, figuresOf, showDetails, showHits, showLegend } from "./look/panels";
import { Stage } from "./look/stage";
import { GROUND, packed, rgb, shaded, UNSELECTED } from "./palette";
import type { Theme } from "./palette";
import { saveCsv } from "./save";
import { readState, writeState } from "./state";

const NEIGHBOURS = 15;
const FOUND = 50;

const byId = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found as T;
};

const state = readState(new URL(location.href));
const api = new Api(() => (byId("changed").hidden = false));
let about: SpaceAbout | null = null;
let geometry: Geometry | null = null;
let colours: Colours | null = null;
let filtered: Selection | null = null;
let containing: Selection | null = null;
let lassoed: Selection | null = null;
let selected: Selection | null = null;
const chosen = new Set<number>();
let asking = new AbortController();
let hovering = 0;

const stage = new Stage(byId("points"), byId("lines"), state.renderer, {
  onHover: (place, x, y) => void hover(place, x, y),
  onPick: (place) => void select(place),
  onLasso: (chosen) => {
    lassoed = chosen;
    reselect();
  },
});

function theme(): Theme {
  return state.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function say(text: string): void {
  byId("live").textContent = text;
}

function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof Refusal && error.status === 401) {
    const key = prompt("This server asks for a key:");
    if (key) {
      Api.remember(key);
      location.reload();
    }
  }
  const gone = error instanceof TypeError ? "The server does not answer." : String(error instanceof Error ? error.message : error);
  byId("problem").textContent = error instanceof Refusal && error.help ? `${gone}. ${error.help}` : gone;
}

function options(into: HTMLSelectElement, values: readonly [string, string][], value: string): void {
  into.replaceChildren(...values.map(([key, label]) => {
    const option = element("option", "", label);
    option.value = key;
    return option;
  }));
  into.value = value;
}

async function openSpace(): Promise<void> {
  const spaces = await api.spaces();
  if (!spaces.some((space) => space.name === state.space)) state.space = spaces[0]?.name ?? "";
  options(byId("space"), spaces.map((space) => [space.name, `${space.name} (${space.count.toLocaleString("en")})`]), state.space);
  about = await api.about(state.space);
  const maps = about.maps;
  if (!maps.some((map) => map.name === state.map)) state.map = maps[maps.length - 1]?.name ?? "";
  options(byId("map"), maps.map((map) => [map.name, map.name]), state.map);
  const empty = byId("empty");
  empty.hidden = maps.length > 0;
  empty.textContent = maps.length > 0 ? "" : `${state.space} has no map yet. Make one: latlas map ${state.space}.space`;
  if (maps.length > 0) await openMap();
}

async function openMap(): Promise<void> {
  const map: MapAbout | undefined = about?.maps.find((known) => known.name === state.map);
  byId("figures").textContent = figuresOf(map);
  geometry = await api.geometry(state.space, state.map);
  [filtered, containing, lassoed] = [null, null, null];
  stage.setGeometry(geometry);
  repaint();
  say(`${geometry.count.toLocaleString("en")} items of ${state.space} on map ${state.map}`);
  const columns = await api.colourings(state.space, state.map);
  if (!columns.some((column) => column.name === state.colour)) {
    state.colour = columns.find((column) => column.kind === "category")?.name ?? columns.find((column) => column.from === "space")?.name ?? "";
  }
  const label = (column: { name: string; from: string }): string => (column.from === "map" ? `${column.name} (of the map)` : column.name);
  options(byId("colour"), [["", "one colour"], ...columns.map((column): [string, string] => [column.name, label(column)])], state.colour);
  await openColour();
  await applyFilter();
  if (state.query) await search();
  if (state.item !== null && state.item < geometry.count) await select(state.item);
}

async function openColour(): Promise<void> {
  chosen.clear();
  colours = state.colour ? await api.colours(state.space, state.map, state.colour) : null;
  repaint();
  reselect();
}

function repaint(): void {
  const now = theme();
  document.documentElement.dataset["theme"] = now;
  byId("theme").textContent = now === "dark" ? "Light" : "Dark";
  if (!geometry) return;
  const { codes, palette } = shaded(colours, geometry.count, now);
  const look = { colours: codes, palette, unselected: packed(rgb(UNSELECTED[now])), background: packed(rgb(GROUND[now])) };
  stage.setLook(look, now === "dark" ? "#ffffff" : "#111111");
  showLegend(byId("legend"), colours, now, chosen, toggle);
  writeState(state);
}

function toggle(label: number): void {
  if (!chosen.delete(label)) chosen.add(label);
  showLegend(byId("legend"), colours, theme(), chosen, toggle);
  reselect();
}

/** What is selected: by the filter, by the search, by a line around it, and by the legend. */
function reselect(): void {
  if (!geometry) return;
  let now: Selection | null = filtered;
  for (const more of [containing, lassoed]) if (more) now = now ? now.and(more) : more;
  if (chosen.size > 0 && colours && "codes" in colours) {
    const groups = new Selection(geometry.count);
    colours.codes.forEach((code, place) => {
      if (chosen.has(code)) groups.add(place);
    });
    now = now ? now.and(groups) : groups;
  }
  selected = now;
  stage.setSelection(now);
  byId("chosen").hidden = now === null;
  if (!now) return;
  const told = `${now.size().toLocaleString("en")} items selected`;
  byId("howmany").textContent = told;
  say(told);
}

async function applyFilter(): Promise<void> {
  byId("problem").textContent = "";
  filtered = state.filter && geometry ? await api.select(state.space, { filter: state.filter }, geometry.count) : null;
  writeState(state);
  reselect();
}

async function search(): Promise<void> {
  byId("problem").textContent = "";
  const hits = byId("hits");
  writeState(state);
  if (!state.query || !geometry) {
    containing = null;
    hits.hidden = true;
    reselect();
    return;
  }
  const found = readsWords() ? await searchWords(geometry.count) : await searchLetters(geometry.count);
  showHits(hits, found, (place) => void select(place));
  reselect();
}

/** Whether there is an encoder, or text that holds words. */
function readsWords(): boolean {
  return Boolean(about?.model) || Boolean(about?.columns.some((column) => column.kind === "text"));
}

async function searchWords(count: number): Promise<Found> {
  const filter = state.filter ? { filter: state.filter } : {};
  const found = await api.search(state.space, { text: state.query, k: FOUND, ...filter });
  containing = new Selection(count);
  for (const hit of found.hits) containing.add(hit.place);
  return found;
}

/** By letters of ids and categories. */
async function searchLetters(count: number): Promise<Found> {
  containing = await api.select(state.space, { containing: state.query }, count);
  const both = filtered ? containing.and(filtered) : containing;
  const first: number[] = [];
  for (const place of both.places()) if (first.push(place) === FOUND) break;
  const items = first.length > 0 ? await api.items(state.space, first) : [];
  const reading = `${both.size().toLocaleString("en")} that contain “${state.query}”`;
  return { reading, metric: "letters", hits: items.map((item, at) => ({ ...item, rank: at + 1 })) };
}

async function select(place: number | null): Promise<void> {
  asking.abort();
  asking = new AbortController();
  state.item = place;
  writeState(state);
  stage.setMarked(place);
  if (place === null) {
    byId("details").hidden = true;
    return;
  }
  try {
    const { signal } = asking;
    const [[item], trust] = await Promise.all([
      api.items(state.space, [place], signal),
      api.trust(state.space, state.map, place, NEIGHBOURS, signal),
    ]);
    if (!item) return;
    stage.reveal(place);
    stage.setMarked(place, trust.neighbours.map((neighbour) => ({ from: place, to: neighbour.place, kept: neighbour.on_map !== false })));
    showDetails(byId("details"), item, trust, (other) => void select(other));
    byId("details").scrollIntoView({ block: "nearest" });
    const torn = trust.neighbours.filter((neighbour) => neighbour.on_map === false).length;
    say(`${item.id}: ${trust.neighbours.length} neighbours, ${torn} torn apart on the map`);
  } catch (error) {
    complain(error);
  }
}

async function hover(place: number | null, x: number, y: number): Promise<void> {
  const card = byId("hover");
  const turn = ++hovering;
  if (place === null) {
    card.hidden = true;
    return;
  }
  // Not for every item that the pointer passes.
  await new Promise((resolve) => setTimeout(resolve, 40));
  if (turn !== hovering) return;
  const [item] = await api.items(state.space, [place]).catch(() => []);
  if (!item || turn !== hovering) return;
  const texts = Object.entries(item.columns ?? {}).filter(([, value]) => value !== null).slice(0, 5);
  card.replaceChildren(element("strong", "", item.id), ...texts.map(([name, value]) =>
    element("div", "", element("span", "how", `${name} `), String(value).slice(0, 160))));
  card.hidden = false;
  const box = card.getBoundingClientRect();
  card.style.left = `${Math.min(x + 14, innerWidth - box.width - 8)}px`;
  card.style.top = `${Math.min(y + 14, innerHeight - box.height - 8)}px`;
}

function keys(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byId<HTMLInputElement>("query").focus();
  } else if (event.key === "Escape") {
    void select(null);
    clear();
    byId("points").focus();
  }
  if (typing || event.target !== byId("points")) return;
  const ways: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const way = ways[event.key];
  if (way) {
    event.preventDefault();
    const next = state.item === null ? 0 : stage.step(state.item, ...way);
    if (next !== null) void select(next);
  } else if (event.key === "+" || event.key === "=") stage.zoom(1.3);
  else if (event.key === "-") stage.zoom(1 / 1.3);
  else if (event.key === "0") stage.whole();
}

function chooser(id: string, key: "space" | "map" | "colour", then: () => Promise<void>): void {
  const select = byId<HTMLSelectElement>(id);
  select.addEventListener("change", () => {
    state[key] = select.value;
    if (key !== "colour") state.item = null;
    then().catch(complain);
  });
}

/** Selects everything again. */
function clear(): void {
  [filtered, containing, lassoed] = [null, null, null];
  chosen.clear();
  state.filter = state.query = byId<HTMLInputElement>("query").value = byId<HTMLInputElement>("filter").value = "";
  byId("hits").hidden = true;
  writeState(state);
  repaint();
  reselect();
}

byId("clear").addEventListener("click", clear);
byId("save").addEventListener("click", () => {
  if (selected) saveCsv(api, state.space, selected, say).catch(complain);
});
chooser("space", "space", openSpace);
chooser("map", "map", openMap);
chooser("colour", "colour", openColour);
byId("theme").addEventListener("click", () => {
  state.theme = theme() === "dark" ? "light" : "dark";
  repaint();
});
byId("again").addEventListener("click", () => {
  // Places may mean other items now.
  state.item = null;
  byId("changed").hidden = true;
  openSpace().catch(complain);
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  state.query = byId<HTMLInputElement>("query").value.trim();
  state.filter = byId<HTMLInputElement>("filter").value.trim();
  applyFilter().then(search).catch(complain);
});
byId<HTMLInputElement>("query").value = state.query;
byId<HTMLInputElement>("filter").value = state.filter;
document.addEventListener("keydown", keys);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
repaint();
openSpace().catch(complain);
