import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the page beside a server started with `eocene serve`.
const server = process.env.EOCENE_SERVER ?? "http://127.0.0.1:8080";
const served = ["/openeo", "/stac", "/layers", "/tiles", "/series", "/sparql", "/models", "/health", "/docs"];

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/eocene/serve/page",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 1400, // MapLibre alone is 1100 kB, 300 kB when compressed
  },
  worker: { format: "es" },
  server: { proxy: Object.fromEntries(served.map((path) => [path, server])) },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
