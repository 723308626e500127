// The openEO API, as far as the page needs it.

import { ask, askJson, ApiError, type Ask } from "./api";
import type { ProcessGraph } from "./graphs";

const ROOT = "/openeo/1.2";

export type JobStatus = "created" | "queued" | "running" | "canceled" | "finished" | "error";

export interface Job {
  id: string;
  title?: string;
  description?: string;
  status: JobStatus;
  progress?: number;
  created: string;
  updated?: string;
}

export interface Collection {
  id: string;
  title: string;
  bands: string[];
  interval: [string, string] | null;
  bbox: [number, number, number, number] | null;
}

export interface ResultFile {
  name: string;
  title: string;
  href: string;
  type: string;
  size: number | null;
}

export interface LogLine {
  level: string;
  message: string;
  time?: string;
}

/** The bearer token of a user; the password is not kept. */
export async function logIn(name: string, password: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  const basic = btoa(String.fromCharCode(...bytes));
  const answer = await askJson<{ access_token: string }>(`${ROOT}/credentials/basic`, {
    headers: { Authorization: `Basic ${basic}` },
  });
  return `basic//${answer.access_token}`;
}

export async function listJobs(token: string): Promise<Job[]> {
  const { jobs } = await askJson<{ jobs: Job[] }>(`${ROOT}/jobs?limit=100`, { token });
  return jobs.toSorted((a, b) => b.created.localeCompare(a.created));
}

export const isActive = (job: Job): boolean => job.status === "queued" || job.status === "running";

/** Ask for something to be done; what the server says about it is read to its end and left. */
async function order(path: string, options: Ask): Promise<Response> {
  const response = await ask(path, options);
  await response.text();
  return response;
}

/** Check the graph, create a batch job of it and start it; the id of the job. */
export async function runJob(token: string, title: string, graph: ProcessGraph): Promise<string> {
  const process = { process_graph: graph };
  const { errors } = await askJson<{ errors: { code: string; message: string }[] }>(`${ROOT}/validation`, {
    method: "POST", json: process, token,
  });
  const [first] = errors;
  if (first) throw new ApiError(first.message, 400, first.code);
  const created = await order(`${ROOT}/jobs`, { method: "POST", json: { title, process }, token });
  const id = created.headers.get("OpenEO-Identifier") ?? created.headers.get("Location")?.split("/").at(-1);
  if (!id) throw new ApiError("The server made a job but didn't tell its id.", created.status);
  await order(`${ROOT}/jobs/${id}/results`, { method: "POST", token });
  return id;
}

export async function cancelJob(token: string, id: string): Promise<void> {
  await order(`${ROOT}/jobs/${id}/results`, { method: "DELETE", token });
}

export async function deleteJob(token: string, id: string): Promise<void> {
  await order(`${ROOT}/jobs/${id}`, { method: "DELETE", token });
}

interface StacAsset {
  href: string;
  title?: string;
  type?: string;
  "file:size"?: number;
}

export async function listResults(token: string, id: string): Promise<ResultFile[]> {
  const answer = await askJson<{ assets?: Record<string, StacAsset> }>(`${ROOT}/jobs/${id}/results`, { token });
  return Object.entries(answer.assets ?? {}).map(([name, asset]) => ({
    name,
    title: asset.title ?? name,
    href: asset.href,
    type: asset.type ?? "",
    size: asset["file:size"] ?? null,
  }));
}

/** One file of a result; the path is kept on this server, whatever name it calls itself by. */
export async function fetchResult(token: string, file: ResultFile): Promise<Blob> {
  const url = new URL(file.href, location.href);
  return (await ask(url.pathname + url.search, { token, headers: { Accept: "*/*" } })).blob();
}

/** What the job says about its failure. */
export async function listLogs(token: string, id: string): Promise<LogLine[]> {
  const { logs } = await askJson<{ logs: LogLine[] }>(`${ROOT}/jobs/${id}/logs?limit=200`, { token });
  return logs;
}

interface StacCollection {
  id: string;
  title?: string;
  extent?: { temporal?: { interval?: [string | null, string | null][] }; spatial?: { bbox?: [number, number, number, number][] } };
  "cube:dimensions"?: Record<string, { type: string; values?: string[] }>;
  item_assets?: Record<string, { bands?: { name: string }[] }>;
}

function readCollection(raw: StacCollection, today: string): Collection {
  const dimension = Object.values(raw["cube:dimensions"] ?? {}).find((one) => one.type === "bands");
  const assets = Object.values(raw.item_assets ?? {}).flatMap((asset) => asset.bands?.map((band) => band.name) ?? []);
  const [start, end] = raw.extent?.temporal?.interval?.[0] ?? [null, null];
  const bbox = raw.extent?.spatial?.bbox?.[0];
  return {
    id: raw.id,
    title: raw.title ?? raw.id,
    bands: dimension?.values ?? assets,
    interval: start ? [start.slice(0, 10), (end ?? today).slice(0, 10)] : null,
    bbox: bbox?.length === 4 ? bbox : null,
  };
}

/** Collections with their bands; lists are allowed to be short, so what they lack is asked for one by one. */
export async function listCollections(): Promise<Collection[]> {
  const today = new Date().toISOString();
  const { collections } = await askJson<{ collections: StacCollection[] }>(`${ROOT}/collections`);
  return Promise.all(collections.map(async (short) => {
    const known = readCollection(short, today);
    if (known.bands.length > 0) return known;
    const whole = await askJson<StacCollection>(`${ROOT}/collections/${encodeURIComponent(short.id)}`);
    return readCollection(whole, today);
  }));
}
