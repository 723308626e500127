import { describe, expect, it } from "vitest";
import { showTerm, toFeatures, type Answer } from "../../src/lib/sparql";

const XSD = "http://www.w3.org/2001/XMLSchema#";
const wkt = { type: "literal", value: "POINT(10 50)", datatype: "http://www.opengis.net/ont/geosparql#wktLiteral" };

describe("answers", () => {
  it("are shown without what people don't read", () => {
    expect(showTerm({ type: "uri", value: "urn:eocene:feature:parcels:P%201" })).toBe("P 1");
    expect(showTerm({ type: "uri", value: "http://example.org/ns#Parcel" })).toBe("Parcel");
    expect(showTerm({ type: "literal", value: "0.23145678", datatype: `${XSD}double` })).toBe("0.231457");
    expect(showTerm({ type: "literal", value: "2024-06-03T00:00:00Z", datatype: `${XSD}dateTime` })).toBe("2024-06-03");
    expect(showTerm(wkt)).toBe("point");
    expect(showTerm(undefined)).toBe("–");
  });
  it("become features by their own shape, or by that of the thing they name", () => {
    const own: Answer = { columns: ["crop", "wkt"], rows: [{ crop: { type: "literal", value: "maize" }, wkt }, {}] };
    expect(toFeatures(own).features).toEqual([
      { type: "Feature", id: 0, properties: { crop: "maize" }, geometry: { type: "Point", coordinates: [10, 50] } },
    ]);
    const named: Answer = { columns: ["parcel"], rows: [{ parcel: { type: "uri", value: "urn:p:1" } }] };
    expect(toFeatures(named).features).toEqual([]);
    expect(toFeatures(named, new Map([["urn:p:1", "POINT(1 2)"]])).features[0]?.properties).toEqual({ parcel: "1" });
  });
});
