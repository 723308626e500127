// Questions in SPARQL 1.1 and their answers.

import { ask, ApiError, askJson } from "./api";
import { parseWkt } from "./wkt";

export interface Term {
  type: string;
  value: string;
  datatype?: string;
  "xml:lang"?: string;
}

export interface Answer {
  columns: string[];
  rows: Record<string, Term | undefined>[];
}

export interface Example {
  title: string;
  query: string;
}

const PREFIXES = `PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
`;

const WKT = "http://www.opengis.net/ont/geosparql#wktLiteral";

export function isGeometry(term: Term | undefined): boolean {
  return term?.datatype === WKT;
}

/** A term as a person reads it: names without their namespace, numbers short. */
export function showTerm(term: Term | undefined): string {
  if (!term) return "–";
  if (isGeometry(term)) return /([A-Z]+)\s*(?:Z|M|ZM)?\s*\(/i.exec(term.value)?.[1]?.toLowerCase() ?? "geometry";
  if (term.type === "uri") return decodeName(term.value);
  if (/#(decimal|double|float)$/.test(term.datatype ?? "")) return String(Number(Number(term.value).toPrecision(6)));
  if (/#dateTime$/.test(term.datatype ?? "")) return term.value.replace(/T00:00:00(\.0+)?(Z|\+00:00)?$/, "");
  return term.value;
}

function decodeName(iri: string): string {
  const name = iri.split(/[/#:]/).filter(Boolean).at(-1) ?? iri;
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a stray % in an IRI is no reason not to show it
  }
}

/** Shapes of things by their IRI, as well-known text. */
export type Shapes = ReadonlyMap<string, string>;

/** Rows that carry a geometry in degrees, or name a thing whose shape is known; the id is the row's number. */
export function toFeatures(answer: Answer, shapes: Shapes = new Map()): GeoJSON.FeatureCollection {
  const features = answer.rows.flatMap((row, index): GeoJSON.Feature[] => {
    const column = answer.columns.find((name) => isGeometry(row[name]));
    const named = answer.columns.find((name) => row[name]?.type === "uri" && shapes.has(row[name].value));
    const text = column ? row[column]!.value : named ? shapes.get(row[named]!.value)! : null;
    const geometry = text ? parseWkt(text) : null;
    if (!geometry) return [];
    const properties = Object.fromEntries(
      answer.columns.filter((name) => name !== column && row[name]).map((name) => [name, showTerm(row[name])]));
    return [{ type: "Feature", id: index, properties, geometry }];
  });
  return { type: "FeatureCollection", features };
}

export async function runQuery(query: string, token: string | null, signal?: AbortSignal): Promise<Answer> {
  const response = await ask("/sparql", {
    method: "POST",
    body: query,
    token,
    signal,
    headers: { "Content-Type": "application/sparql-query", Accept: "application/sparql-results+json" },
  });
  const json = (await response.json()) as { head?: { vars?: string[] }; boolean?: boolean; results?: { bindings: Answer["rows"] } };
  if (typeof json.boolean === "boolean") {
    return { columns: ["answer"], rows: [{ answer: { type: "literal", value: json.boolean ? "yes" : "no" } }] };
  }
  if (!json.results) throw new ApiError("Only SELECT and ASK questions can be shown here.", 200);
  return { columns: json.head?.vars ?? [], rows: json.results.bindings };
}

const MOST_SHAPES = 1000;

/** The shapes of the things that an answer names, for answers that carry no geometry themselves. */
export async function fetchShapes(answer: Answer, token: string | null): Promise<Shapes> {
  if (answer.rows.some((row) => Object.values(row).some(isGeometry))) return new Map();
  const terms = answer.rows.flatMap((row) => answer.columns.map((name) => row[name]));
  const names = [...new Set(terms.flatMap((term) => (term?.type === "uri" ? [term.value] : [])))].slice(0, MOST_SHAPES);
  if (names.length === 0) return new Map();
  const query = `${PREFIXES}SELECT ?thing ?wkt WHERE {
  VALUES ?thing { ${names.map((name) => `<${name}>`).join(" ")} }
  ?thing geo:hasGeometry/geo:asWKT ?wkt .
}`;
  const found = await runQuery(query, token);
  return new Map(found.rows.flatMap(({ thing, wkt }) => (thing && wkt ? [[thing.value, wkt.value] as const] : [])));
}

/** For a server that offers none of its own: questions that any graph of this kind can answer. */
export const BUILT_IN: readonly Example[] = [
  { title: "What is there?", query: `SELECT ?kind (COUNT(?thing) AS ?count)
WHERE { GRAPH ?g { ?thing a ?kind } }
GROUP BY ?kind ORDER BY DESC(?count) LIMIT 50` },
  { title: "Features with their shape", query: `${PREFIXES}
SELECT ?feature ?label ?wkt WHERE {
  GRAPH ?g {
    ?feature geo:hasGeometry/geo:asWKT ?wkt .
    OPTIONAL { ?feature rdfs:label ?label }
  }
} LIMIT 200` },
];

export async function fetchExamples(): Promise<readonly Example[]> {
  try {
    const answer = await askJson<Example[] | { examples: Example[] }>("/sparql/examples");
    const examples = Array.isArray(answer) ? answer : answer.examples;
    return examples.length > 0 ? examples : BUILT_IN;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405)) return BUILT_IN;
    throw error;
  }
}
