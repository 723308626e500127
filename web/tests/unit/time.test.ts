import { describe, expect, it } from "vitest";
import { areMonths, formatAge, formatRange, formatTime, monthSplits, parseTime, stepAt } from "../../src/lib/time";

const months = ["2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z"];
const days = ["2024-04-03T10:20:00Z", "2024-04-08T10:20:00Z", "2024-05-03T10:20:00Z"];

describe("times", () => {
  it("reads a time without a zone as UTC, and cuts nanoseconds", () => {
    expect(parseTime("2024-05-12T00:00:00")).toBe(Date.UTC(2024, 4, 12));
    expect(parseTime("2024-05-12T00:00:00.123456789")).toBe(Date.UTC(2024, 4, 12) + 123);
    expect(parseTime("2024-05-12")).toBe(Date.UTC(2024, 4, 12));
    expect(parseTime("noon")).toBeNaN();
  });
  it("writes days and months in words", () => {
    expect(formatTime("2024-05-12T10:20:00Z")).toBe("12 May 2024");
    expect(formatTime("2024-05-01T00:00:00Z", true)).toBe("May 2024");
    expect(formatTime("noon")).toBe("noon");
  });
  it("knows labels that name whole months", () => {
    expect(areMonths(months)).toBe(true);
    expect(areMonths(days)).toBe(false);
    expect(areMonths([])).toBe(false);
  });
  it("shortens a range to what differs", () => {
    expect(formatRange(months)).toBe("Apr – Jun 2024");
    expect(formatRange(["2023-11-02", "2024-02-01"])).toBe("Nov 2023 – Feb 2024");
    expect(formatRange(["2024-05-12", "2024-05-14"])).toBe("May 2024");
    expect(formatRange(["2024-05-12"])).toBe("12 May 2024");
    expect(formatRange([])).toBe("");
  });
  it("takes the month that a day lies in, but the nearest of single days", () => {
    expect(stepAt(months, parseTime("2024-05-30"))).toBe(1);
    expect(stepAt(months, parseTime("2024-01-30"))).toBe(0);
    expect(stepAt(days, parseTime("2024-04-30"))).toBe(2);
    expect(stepAt([], 0)).toBe(-1);
  });
  it("marks an axis at firsts of months, fewer where there is less room", () => {
    const [from, to] = [Date.UTC(2024, 2, 20) / 1000, Date.UTC(2024, 9, 5) / 1000];
    const names = (most: number) => monthSplits(from, to, most).map((at) => new Date(at * 1000).getUTCMonth() + 1);
    expect(names(12)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect(names(4)).toEqual([5, 7, 9]);
    expect(monthSplits(to, from, 4)).toEqual([]);
  });
  it("tells how long ago", () => {
    const now = Date.UTC(2024, 4, 12, 12);
    expect(formatAge("2024-05-12T11:59:40Z", now)).toBe("just now");
    expect(formatAge("2024-05-12T11:50:00Z", now)).toBe("10 min ago");
    expect(formatAge("2024-05-12T09:00:00Z", now)).toBe("3 h ago");
    expect(formatAge("2024-05-01T09:00:00Z", now)).toBe("1 May 2024");
  });
});
