import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.ORIEL_URL ?? "http://127.0.0.1:4319";

export default defineConfig({
  plugins: [react()],
  build: {
    // Named by folder, so that the network panel and the budget can be read.
    target: "es2023",
    // No data: URLs for fonts (the page's policy would block them) and no preload polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
    manifest: true,
    rolldownOptions: {
      output: {
        chunkFileNames: ({ facadeModuleId, name }) => {
          const folder = /src\/(\w+)\/Page\.tsx$/.exec(facadeModuleId ?? "")?.[1];
          return `assets/${folder ?? name}-[hash].js`;
        },
      },
    },
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "/api": { target: server, changeOrigin: false },
      "/v1": { target: server, changeOrigin: false },
    },
  },
  preview: {
    proxy: {
      "/api": { target: server, changeOrigin: false },
      "/v1": { target: server, changeOrigin: false },
    },
  },
  css: { modules: { generateScopedName: "[name]_[local]_[hash:base64:4]" } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
});
