// A real Chromium without a window. Every request that it makes is noted, and all that its console says.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { temporaryFolder } from './temporary.ts';

const CHROMIUM = '/usr/bin/chromium';

/** Why there is none here, or false. */
export const noBrowser: string | false = existsSync(CHROMIUM) ? false : `needs ${CHROMIUM}`;

/** Without these it asks for its maker's servers. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface Ends {
  after(done: () => void | Promise<void>): void;
}

export interface Tab {
  page: Page;
  /** Addresses that were asked for. */
  requests: string[];
  /** Errors and warnings of the page, or of the browser about it. */
  complaints: string[];
}

export interface TabOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** Starts the browser; it ends with the test or suite `t`. */
export async function startBrowser(t: Ends): Promise<(options?: TabOptions) => Promise<Tab>> {
  const folder = temporaryFolder(t);
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...QUIET, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: {
      ...process.env,
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_CACHE_HOME: join(folder, 'cache'),
    },
    timeout: 120_000,
  });
  t.after(() => browser.close());
  return async ({ width = 1200, height = 900, dark = false } = {}) => {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      timezoneId: 'UTC',
      locale: 'en-GB',
    });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const tab: Tab = { page, requests: [], complaints: [] };
    page.on('request', (request) => tab.requests.push(request.url()));
    page.on('pageerror', (error) => tab.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') tab.complaints.push(message.text());
    });
    return tab;
  };
}
