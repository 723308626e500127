import { describe, expect, it } from "vitest";
import { cssColour, rampGradient } from "../../src/lib/colour";
import { formatBytes, formatEnd, formatValue, plural } from "../../src/lib/number";

describe("numbers", () => {
  it("keep about three digits", () => {
    expect([0.71349, -12.304, 1234.6, 0, null, 3.2e-7].map(formatValue)).toEqual(["0.713", "−12.3", "1235", "0", "–", "3.20e−7"]);
    expect([-0.1, 0.4, 100, 0, 1.25].map(formatEnd)).toEqual(["−0.1", "0.4", "100", "0", "1.25"]);
    expect([12, 1536, 2.5e9].map(formatBytes)).toEqual(["12 B", "1.5 kB", "2.5 GB"]);
    expect([plural(1, "layer"), plural(2, "layer")]).toEqual(["1 layer", "2 layers"]);
  });
});

describe("colours", () => {
  it("are read from hex, with or without the mark, and from numbers", () => {
    expect(["00AA11", "#0a1", [1, 2, 3], "javascript:", null].map(cssColour)).toEqual(["#00aa11", "#0a1", "rgb(1 2 3)", "#8a8f8c", "#8a8f8c"]);
  });
  it("make a scale, even of one", () => {
    expect(rampGradient(["#000000", "ffffff"])).toBe("linear-gradient(to right, #000000, #ffffff)");
    expect(rampGradient(["#111111"])).toContain("#111111,#111111");
  });
});
