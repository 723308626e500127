// Colours of legends, classes and curves.

const CURVES = ["#2f8f6f", "#c9822b", "#4a78c2", "#b0557a", "#7a6fb5", "#6f8a2c"];
const BANDS: Record<string, string> = {
  B02: "#4a78c2", blue: "#4a78c2", B03: "#3f9a5f", green: "#3f9a5f", B04: "#c2514a", red: "#c2514a",
  B08: "#8a5fb0", nir: "#8a5fb0",
};

/** "#rgb", "rgb", "rrggbb", "#rrggbb" or [r, g, b] as a CSS colour; grey for anything else. */
export function cssColour(colour: unknown): string {
  if (Array.isArray(colour) && colour.length >= 3) return `rgb(${colour.slice(0, 3).map(Number).join(" ")})`;
  const hex = typeof colour === "string" ? /^#?([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{2})?$/i.exec(colour.trim()) : null;
  return hex ? `#${hex[1]!.toLowerCase()}` : "#8a8f8c";
}

/** A scale of colours at equal distances, from left to right. */
export function rampGradient(colours: readonly string[]): string {
  const safe = colours.length > 0 ? colours.map(cssColour) : ["#0b0c0c", "#f7f7f5"];
  return `linear-gradient(to right, ${safe.length === 1 ? [safe[0], safe[0]].join() : safe.join(", ")})`;
}

/** A curve's colour: that of light for the visible bands, otherwise the next of the palette. */
export function curveColour(band: string, index: number, dark = false): string {
  const colour = BANDS[band] ?? CURVES[index % CURVES.length]!;
  return dark ? `color-mix(in oklab, ${colour} 72%, white)` : colour;
}
