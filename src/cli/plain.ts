// `stint plain`: the pool without an engine, as the keeper of `stint serve` starts it when no engine comes back; no verb for people.
import { EXIT } from '../errors.ts';
import { KeeperStore } from '../keeper/store.ts';
import { exitNow } from '../kernel/exit.ts';
import { dieWithParent } from '../kernel/parent.ts';
import { servePool } from '../plain/plain.ts';
import { hearKeeper } from './orders.ts';

export async function plain([keeper, reason = '']: readonly string[]): Promise<number> {
  if (!dieWithParent(Number(keeper))) return EXIT.FAILED;
  process.umask(0o077);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const store = new KeeperStore();
  const legacy = store.take();
  if (legacy === undefined) exitNow(EXIT.OK);
  const leave = servePool(store, legacy, reason);
  const left = Promise.withResolvers<void>();
  hearKeeper({
    stop: () => {
      leave();
      left.resolve();
    },
    reload: () => {},
    yield: () => exitNow(EXIT.OK),
  });
  store.ready('');
  await left.promise;
  exitNow(EXIT.OK);
}
