// Map layers as the server describes them, and what the page derives from that.

import { askJson } from "./api";
import { uniteBoxes, type BBox } from "./bbox";

export interface LayerClass {
  value: string | number;
  name: string;
  colour: unknown;
}

export interface LayerStyle {
  kind?: "rgb" | "continuous" | "classes";
  min?: number;
  max?: number;
  colormap?: unknown;
  bands?: string[];
  unit?: string;
  property?: string;
  classes?: LayerClass[];
}

export interface LayerInfo {
  id: string;
  title: string;
  kind: "raster" | "vector";
  style: LayerStyle;
  times: string[];
  bounds: BBox | null;
  tiles?: string;
  series?: string;
  data?: string;
  description?: string;
}

export interface Series {
  layer: string;
  lon: number;
  lat: number;
  times: string[];
  values: Record<string, (number | null)[]>;
}

type Loose = Record<string, unknown>;

function readClasses(raw: unknown): LayerClass[] {
  const list: Loose[] = Array.isArray(raw)
    ? (raw as Loose[])
    : Object.entries((raw ?? {}) as Loose).map(([value, rest]) =>
        typeof rest === "object" ? { value, ...rest } : { value, color: rest });
  return list.map((one) => ({
    value: (one.value ?? one.name ?? "") as string | number,
    name: String(one.title ?? one.name ?? one.description ?? one.value ?? ""),
    colour: one.color ?? one.colour ?? one.color_hint,
  }));
}

/** One entry of `/layers`, with everything that may be left out filled in. */
export function readLayer(raw: Loose): LayerInfo {
  const style = (raw.style ?? {}) as Loose;
  return {
    ...(raw as unknown as LayerInfo),
    title: String(raw.title ?? raw.id),
    kind: raw.kind === "vector" ? "vector" : "raster",
    times: Array.isArray(raw.times) ? (raw.times as string[]) : [],
    bounds: Array.isArray(raw.bounds) && raw.bounds.length === 4 ? (raw.bounds as BBox) : null,
    style: { ...(style as LayerStyle), classes: readClasses(style.classes) },
  };
}

/** From the top of the map to its bottom: outlines, classes, continuous values, pictures. */
export function sortForMap(layers: readonly LayerInfo[]): LayerInfo[] {
  const rank = (layer: LayerInfo) =>
    layer.kind === "vector" ? 0 : layer.style.kind === "classes" ? 1 : layer.style.kind === "continuous" ? 2 : 3;
  return layers.toSorted((a, b) => rank(a) - rank(b));
}

/** What is shown first: every outline, the first picture and the first quantity that changes in time. */
export function firstVisible(layers: readonly LayerInfo[]): Set<string> {
  const rasters = layers.filter((layer) => layer.kind === "raster");
  const picture = rasters.find((layer) => layer.style.kind === "rgb");
  const quantity = rasters.find((layer) => layer.style.kind === "continuous" && layer.times.length > 1);
  const chosen = [picture, quantity].filter((layer) => layer !== undefined);
  const shown = chosen.length > 0 ? chosen : rasters.slice(0, 1);
  return new Set([...shown, ...layers.filter((layer) => layer.kind === "vector")].map((layer) => layer.id));
}

export function boundsOf(layers: readonly LayerInfo[]): BBox | null {
  return uniteBoxes(layers.flatMap((layer) => (layer.bounds ? [layer.bounds] : [])));
}

/** The template's address for one time; MapLibre wants it whole, with {z}/{x}/{y} left as they are. */
export function tileUrl(layer: LayerInfo, time: string | null, origin: string): string {
  const path = (layer.tiles ?? "").replace("{id}", encodeURIComponent(layer.id));
  const timed = time === null
    ? path.replace(/[?&]time=\{time\}/, "")
    : path.replace("{time}", encodeURIComponent(time));
  return /^https?:/.test(timed) ? timed : origin + timed;
}

export function seriesUrl(layer: LayerInfo, lon: number, lat: number): string {
  return (layer.series ?? "")
    .replace("{id}", encodeURIComponent(layer.id))
    .replace("{lon}", lon.toFixed(6))
    .replace("{lat}", lat.toFixed(6));
}

/** True if a series has at least one number. */
export function hasValues(series: Series): boolean {
  return Object.values(series.values).some((values) => values.some((value) => value !== null));
}

/** The class that a number or a name stands for. */
export function findClass(style: LayerStyle, value: unknown): LayerClass | undefined {
  return style.classes?.find((one) => String(one.value) === String(value) || one.name === value);
}

export async function fetchLayers(): Promise<LayerInfo[]> {
  const answer = await askJson<Loose[] | { layers: Loose[] }>("/layers");
  return sortForMap((Array.isArray(answer) ? answer : answer.layers).map(readLayer));
}
