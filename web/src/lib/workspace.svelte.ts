// What the page knows and shows: one object that its parts share.

import { inWords, wasGivenUp, askJson } from "./api";
import { boundsOf, covers, fetchLayers, firstShown, hasValues, seriesUrl, type LayerInfo, type Series } from "./layers";
import type { BBox } from "./bbox";
import { parseTime, stepAt } from "./time";

export interface LayerView {
  readonly info: LayerInfo;
  visible: boolean;
  opacity: number;
}

export interface SeriesView {
  readonly layer: LayerInfo;
  readonly series: Series | null;
  readonly fault: string | null;
}

export type Tab = "layers" | "jobs" | "ask";

const TOKEN = "eocene-token";

class Workspace {
  layers = $state<LayerView[]>([]);
  state = $state<"loading" | "ready" | "failed">("loading");
  fault = $state<string | null>(null);
  tab = $state<Tab>("layers");
  /** On a narrow screen the panel can be folded away. */
  open = $state(true);

  private chosenId = $state<string | null>(null);
  /** The moment shown, in milliseconds since 1970. */
  moment = $state(NaN);
  playing = $state(false);

  point = $state<{ lon: number; lat: number } | null>(null);
  curves = $state.raw<SeriesView[]>([]);
  reading = $state(false);
  private request: AbortController | null = null;

  view = $state.raw<BBox | null>(null);
  mapIdle = $state(false);
  /** A box to fly to, and features to draw, asked for by other parts of the page. */
  target = $state.raw<BBox | null>(null);
  found = $state.raw<GeoJSON.FeatureCollection | null>(null);
  framed = $state.raw<BBox | null>(null);

  token = $state<string | null>(sessionStorage.getItem(TOKEN));

  get bounds(): BBox | null {
    return boundsOf(this.layers.map((layer) => layer.info));
  }

  /** The layer whose dates the slider runs over: the chosen one, or the topmost with several. */
  get active(): LayerView | null {
    const timed = this.layers.filter((layer) => layer.visible && layer.info.times.length > 1);
    return timed.find((layer) => layer.info.id === this.chosenId) ?? timed[0] ?? null;
  }

  get step(): number {
    return this.active ? stepAt(this.active.info.times, this.moment) : -1;
  }

  async load(): Promise<void> {
    try {
      const infos = await fetchLayers();
      const first = firstShown(infos);
      this.layers = infos.map((info) => ({ info, visible: info === first, opacity: 1 }));
      const times = this.active?.info.times ?? [];
      const middle = times[Math.floor(times.length / 2)];
      this.moment = middle ? parseTime(middle) : NaN;
      this.state = "ready";
    } catch (error) {
      this.fault = inWords(error);
      this.state = "failed";
    }
  }

  timeOf(info: LayerInfo): string | null {
    return info.times[stepAt(info.times, this.moment)] ?? info.times[0] ?? null;
  }

  choose(id: string): void {
    this.chosenId = id;
    const view = this.layers.find((layer) => layer.info.id === id);
    if (view) view.visible = true;
  }

  goTo(step: number): void {
    const times = this.active?.info.times ?? [];
    const time = times[Math.min(Math.max(step, 0), times.length - 1)];
    if (time) this.moment = parseTime(time);
  }

  /** Read the series of every visible layer that covers a point. */
  async read(lon: number, lat: number): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.point = { lon, lat };
    this.reading = true;
    const asked = this.layers.filter((layer) => layer.info.kind === "raster" && layer.info.series && layer.visible && covers(layer.info, lon, lat));
    try {
      this.curves = await Promise.all(asked.map(({ info }) => readSeries(info, lon, lat, request.signal)));
      this.reading = false;
    } catch (error) {
      if (!wasGivenUp(error)) throw error; // readSeries lets nothing else through
    }
  }

  forgetPoint(): void {
    this.request?.abort();
    this.point = null;
    this.curves = [];
    this.reading = false;
  }

  setToken(token: string | null): void {
    this.token = token;
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
  }
}

async function readSeries(layer: LayerInfo, lon: number, lat: number, signal: AbortSignal): Promise<SeriesView> {
  try {
    const series = await askJson<Series>(seriesUrl(layer, lon, lat), { signal });
    return { layer, series: hasValues(series) ? series : null, fault: null };
  } catch (error) {
    if (wasGivenUp(error)) throw error;
    return { layer, series: null, fault: inWords(error) };
  }
}

export const workspace = new Workspace();
