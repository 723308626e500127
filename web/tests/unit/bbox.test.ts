import { describe, expect, it } from "vitest";
import { formatPoint, formatSize, graticule, graticuleStep, intersectBoxes, tidyBox, uniteBoxes } from "../../src/lib/bbox";

describe("boxes", () => {
  it("are united, and none gives none", () => {
    expect(uniteBoxes([[1, 2, 3, 4], [0, 3, 2, 9]])).toEqual([0, 2, 3, 9]);
    expect(uniteBoxes([])).toBeNull();
    expect(uniteBoxes([[NaN, 0, 1, 1]])).toBeNull();
  });
  it("intersect, and don't where they only touch", () => {
    expect(intersectBoxes([0, 0, 4, 4], [2, 1, 9, 9])).toEqual([2, 1, 4, 4]);
    expect(intersectBoxes([0, 0, 1, 1], [1, 0, 2, 1])).toBeNull();
  });
  it("are rounded outwards and cut to the world", () => {
    expect(tidyBox([10.123456, 50.123456, 10.2, 50.200001], 3)).toEqual([10.123, 50.123, 10.2, 50.201]);
    expect(tidyBox([-190, -95, 190, 95])).toEqual([-180, -90, 180, 90]);
  });
  it("are told in words", () => {
    expect(formatPoint(-10.5, 50.25, 2)).toBe("10.50° W, 50.25° N");
    expect(formatSize([0, -0.05, 0.1, 0.05])).toBe("11.1 × 11.1 km");
  });
});

describe("the graticule", () => {
  it("has a spacing that suits the span", () => {
    expect(graticuleStep(360)).toBe(90);
    expect(graticuleStep(0.1)).toBe(0.02);
    expect(graticuleStep(1e-9)).toBe(0.001);
  });
  it("stands on whole multiples and is labelled", () => {
    const lines = graticule([9.95, 49.97, 10.06, 50.03], 0.05).features;
    expect(lines.map((line) => line.properties!.label)).toEqual(["9.95°E", "10.00°E", "10.05°E", "50.00°N"]);
  });
});
