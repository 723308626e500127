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
  /** Colours from the minimum to the maximum, at equal distances. */
  ramp?: string[];
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
  legend?: string;
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
    name: String(one.title ?? one.name ?? one.description ?? one.value ?? "").replaceAll("_", " "),
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

/** The one layer that is shown first: a quantity that changes in time, else a picture, else any. */
export function firstShown(layers: readonly LayerInfo[]): LayerInfo | undefined {
  return (
    layers.find((layer) => layer.style.kind === "continuous" && layer.times.length > 1) ??
    layers.find((layer) => layer.style.kind === "rgb") ??
    layers[0]
  );
}

/** What a band is called: a result's single plane has no name worth telling, its layer has. */
export function nameBand(layer: LayerInfo, band: string): string {
  return band === "data" || band === "value" ? layer.title : band.replaceAll("_", " ");
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

/** Whether a place can have values: the layer's bounds hold it, or it states none. */
export function covers(layer: LayerInfo, lon: number, lat: number): boolean {
  if (!layer.bounds) return true;
  const [w, s, e, n] = layer.bounds;
  return lon >= w && lon <= e && lat >= s && lat <= n;
}

interface Legend {
  stops?: { value: number; color: string }[];
  classes?: Loose[];
  unit?: string | null;
}

/** The colours that the server paints a layer with, as it says itself. */
async function withLegend(layer: LayerInfo): Promise<LayerInfo> {
  if (!layer.legend || layer.style.kind === "rgb") return layer;
  const legend = await askJson<Legend>(layer.legend);
  const style = { ...layer.style };
  if (legend.stops) style.ramp = legend.stops.map((stop) => stop.color);
  if (legend.classes) style.classes = readClasses(legend.classes);
  if (legend.unit) style.unit = legend.unit;
  return { ...layer, style };
}

export async function fetchLayers(): Promise<LayerInfo[]> {
  const answer = await askJson<Loose[]>("/layers");
  return Promise.all(sortForMap(answer.map(readLayer)).map(withLegend));
}
