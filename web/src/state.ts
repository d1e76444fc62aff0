// What the page shows, kept in its address: a link is a saved view.

export interface State {
  space: string;
  map: string;
  colour: string;
  filter: string;
  query: string;
  item: number | null;
  theme: "light" | "dark" | "";
  renderer: string | null;
}

export function readState(address: URL): State {
  const at = (key: string): string => address.searchParams.get(key) ?? "";
  const item = Number.parseInt(at("item"), 10);
  const theme = at("theme");
  return {
    space: at("space"),
    map: at("map"),
    colour: at("colour"),
    filter: at("filter"),
    query: at("query"),
    item: Number.isInteger(item) && item >= 0 ? item : null,
    theme: theme === "light" || theme === "dark" ? theme : "",
    renderer: address.searchParams.get("renderer"),
  };
}

export function writeState(state: State): void {
  const address = new URL(location.href);
  for (const [key, value] of Object.entries(state)) {
    if (value === null || value === "") address.searchParams.delete(key);
    else address.searchParams.set(key, String(value));
  }
  history.replaceState(null, "", address);
}
