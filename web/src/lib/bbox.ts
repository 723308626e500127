// Boxes in degrees: west, south, east, north.

export type BBox = [number, number, number, number];

/** The smallest box around all of them; null for none. */
export function uniteBoxes(boxes: readonly BBox[]): BBox | null {
  const sound = boxes.filter((box) => box.length === 4 && box.every(Number.isFinite));
  if (sound.length === 0) return null;
  return [
    Math.min(...sound.map((b) => b[0])),
    Math.min(...sound.map((b) => b[1])),
    Math.max(...sound.map((b) => b[2])),
    Math.max(...sound.map((b) => b[3])),
  ];
}

/** What two boxes share; null where they don't meet. */
export function intersectBoxes(a: BBox, b: BBox): BBox | null {
  const box: BBox = [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  return box[0] < box[2] && box[1] < box[3] ? box : null;
}

/** Cut to the world, rounded outwards to `digits` decimals, so that nothing seen is lost. */
export function tidyBox([w, s, e, n]: BBox, digits = 5): BBox {
  const unit = 10 ** digits;
  const down = (v: number) => Math.floor(v * unit + 1e-6) / unit;
  const up = (v: number) => Math.ceil(v * unit - 1e-6) / unit;
  return [Math.max(down(w), -180), Math.max(down(s), -90), Math.min(up(e), 180), Math.min(up(n), 90)];
}

/** "10.1234° E, 50.1000° N". */
export function formatPoint(lon: number, lat: number, digits = 4): string {
  const x = `${Math.abs(lon).toFixed(digits)}° ${lon < 0 ? "W" : "E"}`;
  return `${x}, ${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? "S" : "N"}`;
}

/** "3.2 × 2.1 km" from a box, measured along its middle latitude. */
export function formatSize([w, s, e, n]: BBox): string {
  const height = (n - s) * 111.32;
  const width = (e - w) * 111.32 * Math.cos((((s + n) / 2) * Math.PI) / 180);
  const short = (km: number) => (km >= 100 ? km.toFixed(0) : km >= 1 ? km.toFixed(1) : km.toFixed(2));
  return `${short(width)} × ${short(height)} km`;
}

/** Spacing of meridians and parallels that draws about `wanted` of them across `span` degrees. */
export function graticuleStep(span: number, wanted = 6): number {
  const steps = [90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  return steps.find((step) => span / step >= wanted - 2) ?? 0.001;
}

/** Meridians and parallels inside (and a little beyond) a box. */
export function graticule(box: BBox, step: number): GeoJSON.FeatureCollection<GeoJSON.LineString> {
  const [w, s, e, n] = box;
  const features: GeoJSON.Feature<GeoJSON.LineString>[] = [];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const line = (a: [number, number], b: [number, number], label: string) =>
    features.push({ type: "Feature", properties: { label }, geometry: { type: "LineString", coordinates: [a, b] } });
  const north = Math.min(n, 85);
  const south = Math.max(s, -85);
  for (let i = Math.ceil(w / step); i <= Math.floor(e / step); i++) {
    const lon = ((((i * step + 180) % 360) + 360) % 360) - 180;
    line([i * step, south], [i * step, north], `${Math.abs(lon).toFixed(digits)}°${lon < 0 ? "W" : "E"}`);
  }
  for (let i = Math.ceil(south / step); i <= Math.floor(north / step); i++) {
    const lat = i * step;
    line([w, lat], [e, lat], `${Math.abs(lat).toFixed(digits)}°${lat < 0 ? "S" : "N"}`);
  }
  return { type: "FeatureCollection", features };
}
