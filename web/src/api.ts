// Every call to the server. None leaves the origin.

import { decodeColours, decodeGeometry, Selection } from "./columns";
import type { Colours, Geometry } from "./columns";

/** Why there is no answer. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly help: string | null) {
    super(message);
  }
}

export interface SpaceBrief { name: string; count: number; dim: number | null }
export interface Estimate { value: number; null?: number }
export interface MapAbout { name: string; complete: boolean; about: Record<string, unknown> }
export interface SpaceAbout extends SpaceBrief { maps: MapAbout[]; columns: { name: string; kind: string }[]; model: unknown }
export interface Item { place: number; id: string; columns?: Record<string, unknown> }
export interface Hit extends Item { rank: number; distance?: number; similarity?: number; score?: number }
export interface Found { reading: string; metric: string; hits: Hit[]; index?: { kind: string; recall: number | null } }
export interface Neighbour { place: number; id: string; distance: number; on_map?: boolean | null }
export interface Trust { place: number; id: string; k: number; reach: number; metric: string; neighbours: Neighbour[]; false_neighbours: Neighbour[] }
export interface Colouring { name: string; kind: string; from: "space" | "map" }

const KEY = "latlas-key";

/** The calls about one space, and what state of it the answers are of. */
export class Api {
  /** The state that places belong to; set by the first geometry. */
  state: string | null = null;

  constructor(private readonly onChanged: () => void = () => {}) {}

  static remember(key: string): void {
    sessionStorage.setItem(KEY, key);
  }

  spaces(): Promise<SpaceBrief[]> {
    return this.json<{ spaces: SpaceBrief[] }>("/v1/spaces").then((answer) => answer.spaces);
  }

  about(space: string): Promise<SpaceAbout> {
    return this.json(at(space, ""));
  }

  async geometry(space: string, map: string): Promise<Geometry> {
    const response = await this.ask(at(space, `/maps/${encodeURIComponent(map)}/geometry`));
    this.state = response.headers.get("x-latlas-state");
    return decodeGeometry(await response.arrayBuffer());
  }

  colourings(space: string, map: string): Promise<Colouring[]> {
    const path = at(space, `/colours?map=${encodeURIComponent(map)}`);
    return this.json<{ columns: Colouring[] }>(path).then((answer) => answer.columns);
  }

  async colours(space: string, map: string, column: string): Promise<Colours> {
    const path = at(space, `/colours/${encodeURIComponent(column)}?map=${encodeURIComponent(map)}`);
    return decodeColours(await (await this.ask(path)).arrayBuffer());
  }

  items(space: string, places: readonly number[], signal?: AbortSignal): Promise<Item[]> {
    const query = places.map((place) => `place=${place}`).join("&");
    return this.json<{ items: Item[] }>(at(space, `/items?${query}`), signal && { signal }).then((answer) => answer.items);
  }

  search(space: string, body: Record<string, unknown>, signal?: AbortSignal): Promise<Found> {
    return this.json(at(space, "/search"), { ...posted(body), ...(signal && { signal }) });
  }

  async select(space: string, body: { filter: string } | { containing: string }, count: number): Promise<Selection> {
    const response = await this.ask(at(space, "/select"), posted(body));
    return new Selection(count, new Uint8Array(await response.arrayBuffer()));
  }

  trust(space: string, map: string, place: number, k: number, signal?: AbortSignal): Promise<Trust> {
    return this.json(at(space, `/maps/${encodeURIComponent(map)}/trust?place=${place}&k=${k}`), signal && { signal });
  }

  private async json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await (await this.ask(path, init)).json()) as T;
  }

  private async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const key = sessionStorage.getItem(KEY);
    if (key) headers.set("authorization", `Bearer ${key}`);
    const response = await fetch(path, { ...init, headers });
    if (!response.ok) {
      const told = (await response.json().catch(() => null)) as { error?: { message?: string; help?: string } } | null;
      throw new Refusal(response.status, told?.error?.message ?? `the server answered ${response.status}`, told?.error?.help ?? null);
    }
    const state = response.headers.get("x-latlas-state");
    if (state && this.state && state !== this.state && !path.endsWith("/geometry")) this.onChanged();
    return response;
  }
}

function at(space: string, rest: string): string {
  return `/v1/spaces/${encodeURIComponent(space)}${rest}`;
}

function posted(body: unknown): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
