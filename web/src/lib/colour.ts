// Colours of legends, classes and curves.

/** The ramps that a layer's style may name, from its minimum to its maximum. */
const RAMPS: Record<string, readonly string[]> = {
  viridis: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"],
  magma: ["#000004", "#51127c", "#b73779", "#fc8961", "#fcfdbf"],
  inferno: ["#000004", "#57106e", "#bc3754", "#f98e09", "#fcffa4"],
  plasma: ["#0d0887", "#7e03a8", "#cc4778", "#f89540", "#f0f921"],
  cividis: ["#00224e", "#434e6c", "#7d7c78", "#bcae6c", "#fee838"],
  greys: ["#0b0c0c", "#f7f7f5"],
  gray: ["#000000", "#ffffff"],
  greens: ["#f7fcf5", "#c7e9c0", "#74c476", "#238b45", "#00441b"],
  blues: ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"],
  ylgn: ["#ffffe5", "#d9f0a3", "#78c679", "#238443", "#004529"],
  rdylgn: ["#a50026", "#f46d43", "#fee08b", "#ffffbf", "#d9ef8b", "#66bd63", "#006837"],
  rdbu: ["#67001f", "#d6604d", "#fddbc7", "#f7f7f7", "#d1e5f0", "#4393c3", "#053061"],
};

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

/** The colours of a style's `colormap`: a name, or a list of colours or of [position, colour]. */
export function rampColours(colormap: unknown): string[] {
  if (typeof colormap === "string") return [...(RAMPS[colormap.toLowerCase()] ?? RAMPS.viridis!)];
  if (!Array.isArray(colormap) || colormap.length === 0) return [...RAMPS.viridis!];
  return colormap.map((stop: unknown) =>
    cssColour(Array.isArray(stop) && stop.length === 2 ? stop[1] : stop));
}

export function rampGradient(colormap: unknown): string {
  const colours = rampColours(colormap);
  return `linear-gradient(to right, ${colours.length === 1 ? [colours[0], colours[0]].join() : colours.join(", ")})`;
}

/** A curve's colour: that of light for the visible bands, otherwise the next of the palette. */
export function curveColour(band: string, index: number): string {
  return BANDS[band] ?? CURVES[index % CURVES.length]!;
}
