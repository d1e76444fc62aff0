import { defineConfig } from "vite";

// Names without a hash: the server embeds these very files, and a difference shows in the repository.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../crates/latlas-server/assets",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: { output: { entryFileNames: "explorer.js", chunkFileNames: "[name].js", assetFileNames: "explorer[extname]" } },
  },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "raster-worker.js" } } },
});
