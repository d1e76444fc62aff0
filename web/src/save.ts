// What is taken away from the page.

import type { Api, Item } from "./api";
import type { Selection } from "./columns";

/** Items that are asked for at once. */
const BATCH = 500;

/** The lines of a table: ids and columns, as RFC 4180 quotes them. */
export function csv(items: readonly Item[]): string {
  const names = [...new Set(items.flatMap((item) => Object.keys(item.columns ?? {})))];
  const quoted = (value: unknown): string => {
    const text = value === null || value === undefined ? "" : Array.isArray(value) ? value.join("|") : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const line = (values: unknown[]): string => values.map(quoted).join(",");
  const rows = items.map((item) => line([item.id, ...names.map((name) => item.columns?.[name])]));
  return `${[line(["id", ...names]), ...rows].join("\r\n")}\r\n`;
}

/** Saves the selected items and their columns. */
export async function saveCsv(api: Api, space: string, selected: Selection, say: (text: string) => void): Promise<void> {
  const places = [...selected.places()];
  const items: Item[] = [];
  for (let from = 0; from < places.length; from += BATCH) {
    items.push(...(await api.items(space, places.slice(from, from + BATCH))));
    say(`${items.length} of ${places.length} items read`);
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(items)], { type: "text/csv" }));
  link.download = `${space}-selected.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
