// The page, read once: one file, which needs nothing beside it, and the policy that holds the browser to that.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { reason, StintError } from '../../errors.ts';
import { PAGE } from '../../paths.ts';

export interface Page {
  html: Buffer;
  /** Its Content-Security-Policy: its own script and style, and calls to where it came from; nothing else. */
  policy: string;
}

/** @throws StintError when it was not built */
export function readPage(path: string = PAGE): Page {
  let html: Buffer;
  try {
    html = readFileSync(path);
  } catch (error) {
    throw new StintError(`cannot read the page ${path}: ${reason(error)}`, {
      hint: "'npm run build' in the sources of stint builds it",
      cause: error,
    });
  }
  return { html, policy: policyOf(html.toString()) };
}

function policyOf(html: string): string {
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}\\b[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(
        ([, text]) =>
          `'sha256-${createHash('sha256')
            .update(text as string)
            .digest('base64')}'`,
      )
      .join(' ');
  return [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
