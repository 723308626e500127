// The workspace's layers on the map: added, ordered, shown, hidden and moved in time.

import type { ExpressionSpecification, GeoJSONSource, Map as GlMap, RasterTileSource } from "maplibre-gl";
import { cssColour } from "./colour";
import { tileUrl, type LayerInfo, type LayerStyle } from "./layers";

export interface Shown {
  info: LayerInfo;
  visible: boolean;
  opacity: number;
  time: string | null;
}

/** The base map's layer that the workspace's layers are drawn under. */
const CEILING = "grid";
const FOUND = "found";
const FRAME = "frame";

export const sourceId = (info: LayerInfo): string => `layer:${info.id}`;
const outlineId = (info: LayerInfo): string => `${sourceId(info)}:outline`;

function classExpression(style: LayerStyle): ExpressionSpecification | string {
  const classes = style.classes ?? [];
  if (classes.length === 0) return "#1c6b57";
  const value: ExpressionSpecification = ["to-string", ["get", style.property ?? "class"]];
  const pairs = classes.flatMap((one) =>
    [...new Set([String(one.value), one.name])].flatMap((key) => [key, cssColour(one.colour)]));
  const unique = pairs.filter((_, i) => pairs.indexOf(pairs[i - (i % 2)]!) >= i - (i % 2));
  return ["match", value, ...unique, "#8a8f8c"] as unknown as ExpressionSpecification;
}

function addRaster(map: GlMap, { info, time }: Shown): void {
  map.addSource(sourceId(info), {
    type: "raster",
    tiles: [tileUrl(info, time, location.origin)],
    tileSize: 256,
    maxzoom: 18,
    ...(info.bounds ? { bounds: info.bounds } : {}),
  });
  const resampling = info.style.kind === "classes" ? "nearest" : "linear";
  map.addLayer({
    id: sourceId(info), source: sourceId(info), type: "raster",
    paint: { "raster-fade-duration": 150, "raster-resampling": resampling },
  }, CEILING);
}

function addVector(map: GlMap, { info }: Shown): void {
  const source = sourceId(info);
  const colour = classExpression(info.style);
  map.addSource(source, { type: "geojson", data: new URL(info.data ?? `/layers/${info.id}/features`, location.origin).href });
  map.addLayer({ id: source, source, type: "fill", paint: { "fill-color": colour } }, CEILING);
  map.addLayer({ id: outlineId(info), source, type: "line", paint: { "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.6, 15, 1.8] } }, CEILING);
}

/** Bring one layer of the map to what it should be; layers are given from the bottom up. */
function showLayer(map: GlMap, shown: Shown): void {
  const id = sourceId(shown.info);
  const present = map.getLayer(id) !== undefined;
  if (!present && !shown.visible) return;
  if (!present) (shown.info.kind === "vector" ? addVector : addRaster)(map, shown);
  const visibility = shown.visible ? "visible" : "none";
  if (shown.info.kind === "vector") {
    map.setPaintProperty(id, "fill-opacity", 0.22 * shown.opacity);
    map.setPaintProperty(outlineId(shown.info), "line-opacity", shown.opacity);
    map.setLayoutProperty(outlineId(shown.info), "visibility", visibility);
  } else {
    map.setPaintProperty(id, "raster-opacity", shown.opacity);
    moveInTime(map, shown);
  }
  map.setLayoutProperty(id, "visibility", visibility);
}

function moveInTime(map: GlMap, { info, time, visible }: Shown): void {
  const source = map.getSource(sourceId(info)) as RasterTileSource;
  const url = tileUrl(info, time, location.origin);
  // Not `source.tiles`: that is filled only after the source has loaded.
  const [before] = (source.serialize() as { tiles: string[] }).tiles;
  if (visible && before !== url) source.setTiles([url]);
}

/** Show the layers as they should be, the first on top. */
export function showLayers(map: GlMap, layers: readonly Shown[]): void {
  let above = CEILING;
  for (const shown of layers) {
    showLayer(map, shown);
    for (const id of [outlineId(shown.info), sourceId(shown.info)]) {
      if (!map.getLayer(id)) continue;
      map.moveLayer(id, above);
      above = id;
    }
  }
}

/** The ids of layers that can be asked for features at a point. */
export function vectorIds(map: GlMap, layers: readonly LayerInfo[]): string[] {
  const ids = layers.filter((info) => info.kind === "vector").map(sourceId);
  return [...ids, FOUND, `${FOUND}:point`].filter((id) => map.getLayer(id));
}

/** Draw what a question found, above everything else. */
export function showFound(map: GlMap, features: GeoJSON.FeatureCollection | null): void {
  const data = features ?? { type: "FeatureCollection" as const, features: [] };
  const source = map.getSource(FOUND) as GeoJSONSource | undefined;
  if (source) {
    source.setData(data);
    return;
  }
  if (!features) return;
  map.addSource(FOUND, { type: "geojson", data });
  map.addLayer({ id: FOUND, source: FOUND, type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": "#f2a93b", "fill-opacity": 0.3 } });
  map.addLayer({ id: `${FOUND}:line`, source: FOUND, type: "line", paint: { "line-color": "#d97a0b", "line-width": 2.5 } });
  map.addLayer({ id: `${FOUND}:point`, source: FOUND, type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": "#f2a93b", "circle-radius": 6, "circle-stroke-color": "#ffffff", "circle-stroke-width": 2 } });
}

/** Draw the frame of the area that a job would run on. */
export function showFrame(map: GlMap, box: readonly [number, number, number, number] | null): void {
  const ring = box ? [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]] : [];
  const data: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: ring } };
  const source = map.getSource(FRAME) as GeoJSONSource | undefined;
  if (source) {
    source.setData(data);
    return;
  }
  if (!box) return;
  map.addSource(FRAME, { type: "geojson", data });
  map.addLayer({ id: FRAME, source: FRAME, type: "line", paint: { "line-color": "#d97a0b", "line-width": 2, "line-dasharray": [3, 2] } });
}
