// What a popup says about a feature: names and values as text, never as markup.

import { formatValue } from "./number";

function word(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : formatValue(value);
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function describeFeature(title: string, properties: Record<string, unknown>): HTMLElement {
  const box = document.createElement("div");
  box.className = "popup";
  const heading = document.createElement("h3");
  heading.textContent = title;
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(properties)) {
    const term = document.createElement("dt");
    term.textContent = name.replaceAll("_", " ");
    const detail = document.createElement("dd");
    detail.textContent = word(value);
    list.append(term, detail);
  }
  box.append(heading, list);
  return box;
}
