// Builds the page into one file, web/dist/index.html, that needs nothing beside it.
import { defineConfig, type Plugin } from 'vite';

// biome-ignore lint/style/noDefaultExport: Vite looks for it
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2023', cssCodeSplit: false, modulePreload: false, assetsInlineLimit: Number.MAX_SAFE_INTEGER },
  plugins: [oneFile()],
});

/** Puts script and style into the page. */
function oneFile(): Plugin {
  return {
    name: 'one-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      const page = bundle['index.html'];
      if (page?.type !== 'asset') throw new Error('there is no index.html in the bundle');
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (file === page) continue;
        // What an HTML parser would take for the end of the element must not stand in it.
        if (file.type === 'chunk') {
          const script = file.code.replaceAll('</script', '<\\/script');
          html = html.replace(/<script[^>]*src=[^>]*><\/script>/, '');
          html = html.replace('</body>', () => `<script type="module">${script}</script></body>`);
        } else if (name.endsWith('.css')) {
          html = html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${String(file.source)}</style>`);
        }
        delete bundle[name];
      }
      page.source = html;
    },
  };
}
