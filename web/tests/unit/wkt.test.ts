import { describe, expect, it } from "vitest";
import { parseWkt, positions } from "../../src/lib/wkt";

describe("well-known text", () => {
  it("reads points, lines and polygons with holes", () => {
    expect(parseWkt("POINT (10.5 -50)")).toEqual({ type: "Point", coordinates: [10.5, -50] });
    expect(parseWkt("LINESTRING(0 0, 1e1 1)")).toEqual({ type: "LineString", coordinates: [[0, 0], [10, 1]] });
    const holed = parseWkt("POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))");
    expect(holed).toEqual({ type: "Polygon", coordinates: [[[0, 0], [4, 0], [4, 4], [0, 0]], [[1, 1], [2, 1], [2, 2], [1, 1]]] });
    expect(positions(holed!)).toHaveLength(8);
  });
  it("reads collections of many, and heights", () => {
    expect(parseWkt("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))")?.type).toBe("MultiPolygon");
    expect(parseWkt("MULTIPOINT ((1 2), (3 4))")).toEqual({ type: "MultiPoint", coordinates: [[1, 2], [3, 4]] });
    expect(positions(parseWkt("POINT Z (1 2 3)")!)).toEqual([[1, 2]]);
  });
  it("minds the order of axes that a CRS states", () => {
    expect(parseWkt("<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POINT(10 50)")).toEqual({ type: "Point", coordinates: [10, 50] });
    expect(parseWkt("<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(50 10)")).toEqual({ type: "Point", coordinates: [10, 50] });
  });
  it("refuses what it can't draw", () => {
    expect(parseWkt("<http://www.opengis.net/def/crs/EPSG/0/32632> POINT(5e5 5e6)")).toBeNull();
    expect(parseWkt("maize")).toBeNull();
    expect(parseWkt("POLYGON ((0 0, 1")).toBeNull();
    expect(parseWkt("POLYGON EMPTY")).toBeNull();
  });
});
