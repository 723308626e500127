import { describe, expect, it } from "vitest";
import { RECIPES, refuse, type Ask, type ProcessGraph } from "../../src/lib/graphs";

const ask: Ask = {
  collection: "sentinel-2-l2a",
  bands: ["B02", "B03", "B04", "B08", "SCL"],
  bbox: [10, 50, 10.1, 50.1],
  interval: ["2024-04-01", "2024-10-01"],
};

function references(graph: ProcessGraph): string[] {
  return [...JSON.stringify(graph).matchAll(/"from_node":"([^"]+)"/g)].map((match) => match[1]!);
}

describe("ready graphs", () => {
  it.each(RECIPES.map((recipe) => [recipe.id, recipe] as const))("%s has one result and only nodes that exist", (_, recipe) => {
    const graph = recipe.build(ask);
    expect(Object.values(graph).filter((node) => node.result)).toHaveLength(1);
    const inner = Object.values(graph).flatMap((node) => {
      const reducer = node.arguments.reducer as { process_graph: ProcessGraph } | undefined;
      return reducer ? Object.keys(reducer.process_graph) : [];
    });
    const known = new Set([...Object.keys(graph), ...inner]);
    expect(references(graph).filter((node) => !known.has(node))).toEqual([]);
  });
  it("masks clouds only where the collection has scene classes", () => {
    const [ndvi] = RECIPES;
    expect(ndvi!.build(ask).clear?.process_id).toBe("mask");
    expect(ndvi!.build({ ...ask, bands: ["B04", "B08"] }).clear).toBeUndefined();
  });
  it("say what a collection lacks", () => {
    expect(refuse(RECIPES[0]!, ["B04"])).toBe("This collection has no B08.");
    expect(refuse(RECIPES[0]!, ask.bands)).toBeNull();
  });
});
