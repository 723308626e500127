import { describe, expect, it } from "vitest";
import { csvField, seriesToCsv } from "../../src/lib/csv";

describe("CSV", () => {
  it("quotes what must be quoted and leaves gaps empty", () => {
    expect(csvField('a "b", c')).toBe('"a ""b"", c"');
    expect(csvField(null)).toBe("");
    expect(csvField(NaN)).toBe("");
    expect(csvField(0)).toBe("0");
  });
  it("writes one row a layer and time, one column a band", () => {
    const text = seriesToCsv(10, 50, [
      { layer: "ndvi", times: ["2024-05-01", "2024-06-01"], values: { ndvi: [0.5, null] } },
      { layer: "colour", times: ["2024-05-03"], values: { B04: [0.1], B03: [0.2] } },
    ]);
    expect(text.split("\r\n")).toEqual([
      "lon,lat,layer,time,ndvi,B04,B03",
      "10,50,ndvi,2024-05-01,0.5,,",
      "10,50,ndvi,2024-06-01,,,",
      "10,50,colour,2024-05-03,,0.1,0.2",
      "",
    ]);
  });
});
