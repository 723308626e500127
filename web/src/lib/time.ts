// Dates of layers: ISO 8601 in UTC in, short English words out.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86_400_000;

/** Milliseconds since 1970 of an ISO 8601 date or time; a time without a zone is UTC. NaN if it isn't one. */
export function parseTime(iso: string): number {
  const text = iso.trim();
  const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes("T") ? text : `${text}Z`;
  return Date.parse(zoned.replace(/(\.\d{3})\d+/, "$1"));
}

/** True if every time is the first of a month at 00:00: such labels name whole months. */
export function areMonths(times: readonly string[]): boolean {
  return times.length > 0 && times.every((iso) => {
    const date = new Date(parseTime(iso));
    return date.getUTCDate() === 1 && date.getTime() % DAY_MS === 0;
  });
}

/** "12 May 2024", or "May 2024" where the label names a month. */
export function formatTime(iso: string, asMonth = false): string {
  const ms = parseTime(iso);
  return Number.isNaN(ms) ? iso : formatMs(ms, asMonth);
}

export function formatMs(ms: number, asMonth = false): string {
  const date = new Date(ms);
  const month = `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return asMonth ? month : `${date.getUTCDate()} ${month}`;
}

/** "Apr – Sep 2024", "Nov 2023 – Feb 2024", "12 May 2024" or "" for none. */
export function formatRange(times: readonly string[]): string {
  const stamps = times.map(parseTime).filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b);
  const [first, last] = [stamps[0], stamps.at(-1)];
  if (first === undefined || last === undefined) return "";
  if (first === last) return formatMs(first, areMonths(times));
  const [from, to] = [new Date(first), new Date(last)];
  if (from.getUTCFullYear() !== to.getUTCFullYear()) return `${formatMs(first, true)} – ${formatMs(last, true)}`;
  if (from.getUTCMonth() === to.getUTCMonth()) return formatMs(first, true);
  return `${MONTHS[from.getUTCMonth()]} – ${formatMs(last, true)}`;
}

/**
 * Position of the label that stands for a moment: the month that it lies in where labels are
 * months, otherwise the nearest label. -1 for no labels.
 */
export function stepAt(times: readonly string[], ms: number): number {
  const months = areMonths(times);
  let best = -1;
  let distance = Infinity;
  times.forEach((iso, index) => {
    const gap = ms - parseTime(iso);
    const cost = months && gap < 0 ? -gap + 1e13 : Math.abs(gap);
    if (cost < distance) [best, distance] = [index, cost];
  });
  return best;
}

/** Firsts of months between two moments (seconds since 1970), at most `most` of them, evenly. */
export function monthSplits(from: number, to: number, most: number): number[] {
  const start = new Date(from * 1000);
  const months: number[] = [];
  for (let i = 0; i <= 1200; i++) {
    const at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + i, 1) / 1000;
    if (at > to) break;
    if (at >= from) months.push(at);
  }
  const stride = [1, 2, 3, 6, 12, 24, 60, 120].find((n) => months.length / n <= most) ?? 240;
  return months.filter((at) => new Date(at * 1000).getUTCMonth() % Math.min(stride, 12) === 0 || stride === 1);
}

/** "just now", "4 min ago", "3 h ago", else the day. */
export function formatAge(iso: string, now: number): string {
  const ms = parseTime(iso);
  if (Number.isNaN(ms)) return iso;
  const minutes = Math.floor((now - ms) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 24 * 60 ? `${Math.floor(minutes / 60)} h ago` : formatMs(ms);
}
