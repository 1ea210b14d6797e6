// `stint web`: the pool as a page for the browser, served in the foreground with the rights of whoever starts it.
import type { AddressInfo } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import { EXIT, reason, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, wholeNumber } from './args.ts';
import { note, print } from './print.ts';
import { isAddress, isLoopback, newToken, originOf } from './web/guard.ts';
import { readPage } from './web/page.ts';
import { webServer } from './web/server.ts';

const HELP = `Usage: stint web [OPTION]...
Show the pool as a page for the browser: who holds what, who waits and why, slots over time, builds of the past. Prints
the address of the page, with a secret in it, and serves it in the foreground until it is interrupted. It only reads, as
you may; it goes on when the daemon is restarted.

      --port N          the port; default: one that is free
      --listen ADDRESS  an address of this machine; default: 127.0.0.1
      --allow-remote    let ADDRESS be one that other machines reach. Whoever has the secret sees the pool then, and
                        whoever can listen on the network learns the secret: nothing is encrypted
      --metrics-only    serve nothing but /metrics, for Prometheus, without a secret
      --user            the pool of this user, even where the machine has one
  -h, --help            this text

Exit status: 0 after SIGINT or SIGTERM; 1 when it cannot listen, or was not built; 2 for bad usage.
`;

const SPECS = {
  port: 'value',
  listen: 'value',
  'allow-remote': 'flag',
  'metrics-only': 'flag',
  user: 'flag',
} as const;

export async function web(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, SPECS, 'web');
  if (options.has('help')) return print(HELP);
  if (operands.length > 0) throw new StintError(`web: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const port = wholeNumber(options, 'port', { min: 0, max: 65_535, exit: EXIT.USAGE }) ?? 0;
  const host = addressOf(options.get('listen') ?? '127.0.0.1', { remote: options.has('allow-remote') });
  const runtime = findRuntime(process.env, { user: options.has('user') });
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
  note(`shows the pool of ${runtime.dir}; Ctrl-C ends it`);
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
