// `stint web`: the pool as a page for the browser, served in the foreground with the rights of whoever starts it.
import type { AddressInfo } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import { EXIT, reason, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { note, print } from './print.ts';
import { WEB } from './verbs/web.ts';
import { isAddress, isLoopback, newToken, originOf } from './web/guard.ts';
import { readPage } from './web/page.ts';
import { webServer } from './web/server.ts';

export async function web(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, WEB.options, 'web');
  if (options.has('help')) return showHelp(WEB);
  if (operands.length > 0) throw new StintError(`web: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const port = wholeNumber(options, 'port', { min: 0, max: 65_535, exit: EXIT.USAGE }) ?? 0;
  const host = addressOf(options.get('listen') ?? '127.0.0.1', { remote: options.has('allow-remote') });
  const runtime = () => findRuntime(process.env, { user: options.has('user') });
  const metricsOnly = options.has('metrics-only');
  const token = metricsOnly ? undefined : newToken();
  const server = webServer({ runtime, token, page: metricsOnly ? undefined : readPage() });
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const origin = originOf(host, (server.address() as AddressInfo).port);
  if (!isLoopback(host)) {
    const who = metricsOnly ? 'sees the metrics' : 'and knows the secret in it sees the pool';
    note(`whoever reaches ${origin} ${who}; nothing is encrypted`);
  }
  print(token === undefined ? `${origin}/metrics\n` : `${origin}/?token=${token}\n`);
  note(`shows the pool of ${runtime().dir}; Ctrl-C ends it`);
  await ended;
  server.close();
  server.closeAllConnections();
  return EXIT.OK;
}

/** @throws StintError when it is none, or one that must be allowed */
function addressOf(address: string, { remote }: { remote: boolean }): string {
  if (!isAddress(address)) {
    throw new StintError(`web: --listen must be an IP address, not '${address}'`, { exit: EXIT.USAGE });
  }
  if (isLoopback(address) || remote) return address;
  throw new StintError(`web: ${address} can be reached by other machines`, {
    exit: EXIT.USAGE,
    hint: "with --allow-remote it may be; 'ssh -L' to 127.0.0.1 is encrypted as well",
  });
}

function cannotListen(error: Error, host: string, port: number): StintError {
  const { code, errno } = error as NodeJS.ErrnoException;
  const why = errno === undefined ? reason(error) : getSystemErrorMessage(errno);
  return new StintError(`cannot listen on ${host}, port ${port}: ${why}`, {
    cause: error,
    ...(code === 'EADDRINUSE' && { hint: 'name another --port, or none' }),
  });
}
