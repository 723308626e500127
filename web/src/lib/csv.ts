// Comma-separated values as RFC 4180 writes them.

export type Cell = string | number | null | undefined;

/** One field, quoted where it must be; a gap is empty. */
export function csvField(value: Cell): string {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

export interface CsvSeries {
  layer: string;
  times: readonly string[];
  values: Readonly<Record<string, readonly (number | null)[]>>;
}

/** One row a layer and time; one column a band, over all layers. */
export function seriesToCsv(lon: number, lat: number, series: readonly CsvSeries[]): string {
  const bands = [...new Set(series.flatMap((one) => Object.keys(one.values)))];
  const rows = series.flatMap((one) =>
    one.times.map((time, i) => [lon, lat, one.layer, time, ...bands.map((band) => one.values[band]?.[i])]),
  );
  return toCsv(["lon", "lat", "layer", "time", ...bands], rows);
}
