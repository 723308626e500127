// Numbers for people.

/** About three significant digits: 0.7134 → "0.713", -12.304 → "-12.3", 1234.6 → "1235", null → "–". */
export function formatValue(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace("-", "−");
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(digits, 4)).replace("-", "−");
}

/** The same without trailing zeros, for the ends of a scale: -0.1 → "−0.1". */
export function formatEnd(value: number): string {
  return formatValue(value).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** 1536 → "1.5 kB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
