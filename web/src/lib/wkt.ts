// Well-known text, as GeoSPARQL answers carry it, to GeoJSON.

const CRS84 = /^https?:\/\/www\.opengis\.net\/def\/crs\/OGC\/1\.3\/CRS84$/;
const EPSG4326 = /^https?:\/\/www\.opengis\.net\/def\/crs\/EPSG\/[^/]*\/4326$/;

type Nested = number[] | Nested[];

/** Parse "(1 2, 3 4)" with any depth of brackets into nested arrays of numbers. */
function parseBody(text: string): Nested {
  const json = text
    .replace(/-?\d+(?:\.\d*)?(?:e[+-]?\d+)?(?:\s+-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)+/gi, (numbers) => `[${numbers.trim().split(/\s+/).map(Number).join(",")}]`)
    .replaceAll("(", "[")
    .replaceAll(")", "]");
  return JSON.parse(json) as Nested;
}

function swapAxes(body: Nested): Nested {
  if (typeof body[0] === "number") return [body[1] as number, body[0], ...(body.slice(2) as number[])];
  return (body as Nested[]).map(swapAxes);
}

/**
 * The geometry of a WKT literal, longitude first; null if it isn't one, is empty, or stands in a
 * CRS that the map can't draw (only CRS84 and EPSG:4326 are in degrees).
 */
export function parseWkt(literal: string): GeoJSON.Geometry | null {
  const match = /^\s*(?:<([^>]+)>)?\s*(?:SRID=4326;)?\s*([A-Za-z]+)\s*(?:Z|M|ZM)?\s*(\([\s\S]*\))\s*$/.exec(literal);
  if (!match) return null;
  const [, crs, name, text] = match;
  if (crs && !CRS84.test(crs) && !EPSG4326.test(crs)) return null;
  try {
    const parsed = parseBody(text!);
    const body = crs && EPSG4326.test(crs) ? swapAxes(parsed) : parsed;
    return toGeometry(name!.toUpperCase(), body);
  } catch {
    return null; // not well-known text: the table still shows the literal as it is
  }
}

function toGeometry(name: string, body: Nested): GeoJSON.Geometry | null {
  switch (name) {
    case "POINT": return { type: "Point", coordinates: body[0] as number[] };
    case "MULTIPOINT": return { type: "MultiPoint", coordinates: (body as Nested[]).map((p) => (Array.isArray(p[0]) ? p[0] : p)) as number[][] };
    case "LINESTRING": return { type: "LineString", coordinates: body as number[][] };
    case "MULTILINESTRING": return { type: "MultiLineString", coordinates: body as number[][][] };
    case "POLYGON": return { type: "Polygon", coordinates: body as number[][][] };
    case "MULTIPOLYGON": return { type: "MultiPolygon", coordinates: body as number[][][][] };
    default: return null;
  }
}

/** Every longitude and latitude of a geometry. */
export function positions(geometry: GeoJSON.Geometry): [number, number][] {
  if (geometry.type === "GeometryCollection") return geometry.geometries.flatMap(positions);
  const flat = (geometry.coordinates as unknown[]).flat(3) as number[];
  const found: [number, number][] = [];
  const size = positionSize(geometry.coordinates);
  for (let i = 0; i + 1 < flat.length; i += size) found.push([flat[i]!, flat[i + 1]!]);
  return found;
}

function positionSize(coordinates: unknown): number {
  let inner = coordinates as unknown[];
  while (Array.isArray(inner[0])) inner = inner[0];
  return Math.max(inner.length, 2);
}
