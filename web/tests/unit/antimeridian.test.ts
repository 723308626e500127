import { describe, expect, it } from "vitest";
import { unwrap, unwrapLine, unwrapRing } from "../../src/lib/antimeridian";

describe("shapes across 180°", () => {
  it("are carried on, there and back", () => {
    expect(unwrapLine([[179, 0], [-179, 1], [179, 2]])).toEqual([[179, 0], [181, 1], [179, 2]]);
    expect(unwrapLine([[-179, 0], [178, 1]])).toEqual([[-179, 0], [-182, 1]]);
  });
  it("stay as they are where they go around a pole, or nowhere near", () => {
    const antarctica = [[-180, -90], [-180, -80], [0, -70], [180, -80], [180, -90], [-180, -90]];
    expect(unwrapRing(antarctica)).toEqual(antarctica);
    const point: GeoJSON.Point = { type: "Point", coordinates: [1, 2] };
    expect(unwrap(point)).toBe(point);
  });
});
