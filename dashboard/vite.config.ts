import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// biome-ignore lint/style/noDefaultExport: what vite reads.
export default defineConfig({
  plugins: [react()],
  build: { outDir: '../dist/dashboard', emptyOutDir: true, assetsInlineLimit: 0 },
  server: { proxy: { '/api': 'http://127.0.0.1:8432' } },
});
