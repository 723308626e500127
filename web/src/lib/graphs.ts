// The ready-made openEO process graphs of the "run" form: plain functions, tested without a browser.

import type { BBox } from "./bbox";

export interface GraphNode {
  process_id: string;
  arguments: Record<string, unknown>;
  result?: boolean;
}
export type ProcessGraph = Record<string, GraphNode>;

export interface Ask {
  collection: string;
  bands: readonly string[];
  bbox: BBox;
  /** First day, inclusive, and last day, exclusive: "2024-04-01". */
  interval: [string, string];
}

export interface Recipe {
  id: string;
  title: string;
  about: string;
  /** Bands that the collection must have. */
  needs: readonly string[];
  build(ask: Ask): ProcessGraph;
}

const from = (node: string) => ({ from_node: node });
const callback = (process_id: string) => ({
  process_graph: { apply: { process_id, arguments: { data: { from_parameter: "data" } }, result: true } },
});

function loadNode(ask: Ask, bands: readonly string[]): GraphNode {
  const [west, south, east, north] = ask.bbox;
  return {
    process_id: "load_collection",
    arguments: {
      id: ask.collection,
      spatial_extent: { west, south, east, north },
      temporal_extent: [...ask.interval],
      bands: [...bands],
    },
  };
}

/** Scene classes that hide the ground: no data, defective, shadow, cloud medium and high, cirrus. */
const HIDDEN = [0, 1, 3, 8, 9, 10];

/** Clear observations of the optical bands: SCL, where the collection has it, decides. */
function clearNodes(ask: Ask, bands: readonly string[]): { nodes: ProcessGraph; last: string } {
  if (!ask.bands.includes("SCL")) return { nodes: { load: loadNode(ask, bands) }, last: "load" };
  const hidden: ProcessGraph = {
    scl: { process_id: "array_element", arguments: { data: { from_parameter: "data" }, label: "SCL" } },
  };
  HIDDEN.forEach((value, i) => {
    hidden[`is${value}`] = { process_id: "eq", arguments: { x: from("scl"), y: value } };
    if (i > 0) {
      const before = i === 1 ? `is${HIDDEN[0]}` : `or${i - 1}`;
      hidden[`or${i}`] = { process_id: "or", arguments: { x: from(before), y: from(`is${value}`) } };
    }
  });
  hidden[`or${HIDDEN.length - 1}`]!.result = true;
  return {
    nodes: {
      load: loadNode(ask, [...bands, "SCL"]),
      hidden: { process_id: "reduce_dimension", arguments: { data: from("load"), dimension: "bands", reducer: { process_graph: hidden } } },
      clear: { process_id: "mask", arguments: { data: from("load"), mask: from("hidden") } },
    },
    last: "clear",
  };
}

function saveNode(data: string): GraphNode {
  return { process_id: "save_result", arguments: { data: from(data), format: "GTiff" }, result: true };
}

export const RECIPES: readonly Recipe[] = [
  {
    id: "ndvi-monthly",
    title: "NDVI, monthly median",
    about: "How green it is: one clear value a month, clouds and their shadows left out.",
    needs: ["B04", "B08"],
    build(ask) {
      const { nodes, last } = clearNodes(ask, ["B04", "B08"]);
      return {
        ...nodes,
        ndvi: { process_id: "ndvi", arguments: { data: from(last), nir: "B08", red: "B04" } },
        monthly: { process_id: "aggregate_temporal_period", arguments: { data: from("ndvi"), period: "month", reducer: callback("median") } },
        save: saveNode("monthly"),
      };
    },
  },
  {
    id: "true-colour",
    title: "Cloud-free picture",
    about: "Red, green and blue: the median of all clear dates of the period.",
    needs: ["B02", "B03", "B04"],
    build(ask) {
      const { nodes, last } = clearNodes(ask, ["B04", "B03", "B02"]);
      const tidy: ProcessGraph = last === "clear"
        ? { colour: { process_id: "filter_bands", arguments: { data: from(last), bands: ["B04", "B03", "B02"] } } }
        : {};
      const data = last === "clear" ? "colour" : last;
      return {
        ...nodes,
        ...tidy,
        median: { process_id: "reduce_dimension", arguments: { data: from(data), dimension: "t", reducer: callback("median") } },
        save: saveNode("median"),
      };
    },
  },
  {
    id: "radar-monthly",
    title: "Radar, monthly mean",
    about: "Backscatter VV and VH: sees through clouds, one mean a month.",
    needs: ["VV", "VH"],
    build(ask) {
      return {
        load: loadNode(ask, ["VV", "VH"]),
        monthly: { process_id: "aggregate_temporal_period", arguments: { data: from("load"), period: "month", reducer: callback("mean") } },
        save: saveNode("monthly"),
      };
    },
  },
];

/** Why a recipe can't run on a collection, in words; null if it can. */
export function refuse(recipe: Recipe, bands: readonly string[]): string | null {
  const missing = recipe.needs.filter((band) => !bands.includes(band));
  return missing.length === 0 ? null : `This collection has no ${missing.join(", ")}.`;
}
