// Where the program's own files are: sources that Node runs as they are, or what `npm run build` made of them, all in one folder.
import { fileURLToPath } from 'node:url';

const built = !import.meta.url.endsWith('.ts');

const pathOf = (source: string, asBuilt: string) => fileURLToPath(new URL(built ? asBuilt : source, import.meta.url));

/** What Node is started with to be this program. */
export const MAIN = pathOf('./main.ts', './main.js');
/** The program, with a Node that is fit for it. */
export const LAUNCHER = pathOf('../bin/stint', '../bin/stint');
/** The thread of the engine. */
export const ENGINE_THREAD = pathOf('./engine/worker.ts', './worker.js');
/** Where the parts of `stint test` that run in the tests' own Python are. */
export const PYTHON = pathOf('./tools/pytest/python/', './python/');
/** The page of `stint web`. */
export const PAGE = pathOf('../web/dist/index.html', './page.html');
