// What is loaded from now on of the engine and the nodes stands on the simulated machine instead of src/kernel; all that is above is
// as it is. See engine.ts.
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const REAL = new URL('../../../src/kernel/', import.meta.url).href;
const SIMULATED = new URL('kernel/', import.meta.url).href;
const ROOMS = ['engine', 'nodes'].map((room) => new URL(`../../../src/${room}/`, import.meta.url).href);

registerHooks({
  resolve(specifier, context, next) {
    const inside = ROOMS.some((room) => context.parentURL?.startsWith(room));
    if (inside && specifier === 'node:fs') return { url: `${SIMULATED}fs.ts`, shortCircuit: true };
    const resolved = next(specifier, context);
    if (!inside || !resolved.url.startsWith(REAL)) return resolved;
    const url = resolved.url.replace(REAL, SIMULATED);
    return existsSync(fileURLToPath(url)) ? { ...resolved, url } : resolved;
  },
});
