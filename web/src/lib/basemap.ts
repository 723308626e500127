// The base map that needs no other server: countries and coast from Natural Earth, and a graticule.

import type { FilterSpecification, GeoJSONSource, Map as GlMap, StyleSpecification } from "maplibre-gl";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import worldUrl from "world-atlas/countries-50m.json?url";
import { unwrap } from "./antimeridian";
import { askJson } from "./api";
import { graticule, graticuleStep, type BBox } from "./bbox";

interface Palette {
  sea: string;
  land: string;
  coast: string;
  border: string;
  grid: string;
  label: string;
  halo: string;
}

const LIGHT: Palette = {
  sea: "#dbe6e6", land: "#f3f0e7", coast: "#a9bdbb", border: "#d2ccbb", grid: "#8fa09b", label: "#69756f", halo: "#f7f5ee",
};
const DARK: Palette = {
  sea: "#0e1615", land: "#1d2625", coast: "#3d504c", border: "#33403d", grid: "#5c6e69", label: "#93a19b", halo: "#141a19",
};

export function paletteFor(dark: boolean): Palette {
  return dark ? DARK : LIGHT;
}

const nothing = (): GeoJSON.FeatureCollection => ({ type: "FeatureCollection", features: [] });
const onlyType = (type: string): FilterSpecification => ["==", ["geometry-type"], type];

/** The style without any of the workspace's layers; those go under the layer "grid". */
export function baseStyle(dark: boolean): StyleSpecification {
  const colours = paletteFor(dark);
  const source = () => ({ type: "geojson" as const, data: nothing(), tolerance: 0.2 });
  return {
    version: 8,
    sources: { land: source(), lines: source(), names: source(), grid: source(), ticks: source() },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colours.sea } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colours.land, "fill-antialias": false } },
      { id: "border", type: "line", source: "lines", filter: ["==", ["get", "kind"], "border"], paint: { "line-color": colours.border, "line-width": 1 } },
      { id: "coast", type: "line", source: "lines", filter: ["==", ["get", "kind"], "coast"], paint: { "line-color": colours.coast, "line-width": 0.8 } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": colours.grid, "line-width": 0.6, "line-opacity": 0.35 } },
      textLayer("ticks", "ticks", 10.5, colours, {}),
      textLayer("names", "names", 12, colours, { maxzoom: 8 }),
    ],
  };
}

function textLayer(id: string, source: string, size: number, colours: Palette, range: { maxzoom?: number }): StyleSpecification["layers"][number] {
  return {
    id, source, ...range, type: "symbol", filter: onlyType("Point"),
    layout: {
      "text-field": ["get", "label"], "text-font": ["system-ui", "sans-serif"], "text-size": size,
      "text-anchor": ["coalesce", ["get", "anchor"], "center"], "text-max-width": 7,
      "symbol-sort-key": ["coalesce", ["get", "rank"], 0],
    },
    paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 1.4 },
  };
}

/** Follow the preference for light or dark without loading anything again. */
export function paintBase(map: GlMap, dark: boolean): void {
  const colours = paletteFor(dark);
  map.setPaintProperty("sea", "background-color", colours.sea);
  map.setPaintProperty("land", "fill-color", colours.land);
  map.setPaintProperty("border", "line-color", colours.border);
  map.setPaintProperty("coast", "line-color", colours.coast);
  map.setPaintProperty("grid", "line-color", colours.grid);
  for (const id of ["ticks", "names"]) {
    map.setPaintProperty(id, "text-color", colours.label);
    map.setPaintProperty(id, "text-halo-color", colours.halo);
  }
}

type World = Topology<{ countries: GeometryCollection<{ name: string }>; land: GeometryCollection }>;

/** Fetch countries and coast (a file beside this page) and draw them. */
export async function drawWorld(map: GlMap): Promise<void> {
  const world = await askJson<World>(worldUrl);
  const { countries, land } = world.objects;
  const line = (kind: string, geometry: GeoJSON.Geometry): GeoJSON.Feature => ({ type: "Feature", properties: { kind }, geometry: unwrap(geometry) });
  const areas = feature(world, land).features.map((area) => ({ ...area, geometry: unwrap(area.geometry) }));
  (map.getSource("land") as GeoJSONSource).setData({ type: "FeatureCollection", features: areas });
  (map.getSource("lines") as GeoJSONSource).setData({
    type: "FeatureCollection",
    features: [line("coast", mesh(world, countries, (a, b) => a === b)), line("border", mesh(world, countries, (a, b) => a !== b))],
  });
  (map.getSource("names") as GeoJSONSource).setData({
    type: "FeatureCollection",
    features: feature(world, countries).features.flatMap(nameCountry),
  });
}

/** The name at the middle of the largest part; bigger countries win where names collide. */
function nameCountry(country: GeoJSON.Feature<GeoJSON.Geometry, { name: string }>): GeoJSON.Feature[] {
  const geometry = unwrap(country.geometry);
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  const middles = parts.map((rings) => centroid(rings[0]!)).toSorted((a, b) => b.area - a.area);
  const [largest] = middles;
  if (!largest) return [];
  const properties = { label: country.properties.name, rank: -largest.area };
  return [{ type: "Feature", properties, geometry: { type: "Point", coordinates: largest.at } }];
}

function centroid(ring: GeoJSON.Position[]): { area: number; at: [number, number] } {
  let [area, x, y] = [0, 0, 0];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [[ax = 0, ay = 0], [bx = 0, by = 0]] = [ring[i]!, ring[i + 1]!];
    const cross = ax * by - bx * ay;
    [area, x, y] = [area + cross, x + (ax + bx) * cross, y + (ay + by) * cross];
  }
  return { area: Math.abs(area / 2), at: [x / (3 * area), y / (3 * area)] };
}

/** Draw the graticule for what is in view, at a spacing that suits it, labelled along two edges. */
export function drawGraticule(map: GlMap): void {
  const bounds = map.getBounds();
  const view: BBox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  const [w, s, e, n] = view;
  const { clientWidth, clientHeight } = map.getContainer();
  const step = graticuleStep(e - w, Math.max(4, clientWidth / 150));
  const lines = graticule([w - (e - w), s - (n - s), e + (e - w), n + (n - s)], step);
  const top = map.unproject([0, 6]).lat;
  const left = map.unproject([8, clientHeight / 2]).lng;
  const ticks = lines.features.map(({ properties, geometry }): GeoJSON.Feature => {
    const [[x = 0, y = 0], [otherX]] = [geometry.coordinates[0]!, geometry.coordinates[1]!];
    const meridian = x === otherX;
    return {
      type: "Feature",
      properties: { ...properties, anchor: meridian ? "top" : "left" },
      geometry: { type: "Point", coordinates: meridian ? [x, top] : [left, y] },
    };
  });
  (map.getSource("grid") as GeoJSONSource).setData(lines);
  (map.getSource("ticks") as GeoJSONSource).setData({ type: "FeatureCollection", features: ticks });
}
