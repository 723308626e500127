// Requests to the server that serves this page, and its errors in words.

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string = "",
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface Ask {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  token?: string | null;
  json?: unknown;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

/** What went wrong, as the server says it: openEO's {code, message}, FastAPI's {detail}, or the status. */
export function readFault(status: number, body: string): ApiError {
  let fault: { code?: unknown; message?: unknown; detail?: unknown } = {};
  try {
    fault = (JSON.parse(body) as typeof fault) ?? {};
  } catch {
    const text = body.trim();
    if (text && text.length < 400 && !text.startsWith("<")) return new ApiError(text, status);
  }
  if (typeof fault.message === "string") return new ApiError(fault.message, status, String(fault.code ?? ""));
  if (typeof fault.detail === "string") return new ApiError(fault.detail, status);
  return new ApiError(`The server answered ${status} and gave no reason.`, status);
}

/** Ask the server; every answer but 2xx becomes an ApiError. */
export async function ask(path: string, options: Ask = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.token) headers.Authorization = `Bearer ${options.token}`;
  if (options.json !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? "GET",
      headers,
      body: options.json !== undefined ? JSON.stringify(options.json) : options.body,
      signal: options.signal,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError("The server can't be reached. Is it still running?", 0);
  }
  if (!response.ok) throw readFault(response.status, await response.text());
  return response;
}

export async function askJson<T>(path: string, options: Ask = {}): Promise<T> {
  const response = await ask(path, options);
  return (await response.json()) as T;
}

/** An error as one line for people. */
export function inWords(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return "Something went wrong, and there is no description of it.";
}

/** True for requests that we gave up ourselves. */
export function wasGivenUp(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Hand a file to the browser's downloads. */
export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
