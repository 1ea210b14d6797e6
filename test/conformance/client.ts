// The clients of the suite: which there are, what each is known to do with a jobserver, and nothing of any server.
import type { Style } from '../../src/conformance/told.ts';
import { KINDS, type Kind, PYTHON_KINDS } from '../clients/projects.ts';
import { missing } from '../helpers/toolchain.ts';

export interface Client extends Kind {
  /** For people, with the version that it is about. */
  title: string;
  /** What stands for the random numbers of its project: the larger, the more jobs. */
  more: number;
  /** Whether it is a client in each style. If not, it fails or goes its own way. */
  speaks: Record<Style, boolean>;
  /** It takes nothing but FIFOs and pipes. */
  fifoOnly?: true;
  /** It needs more room than the virtual machine has that the device is tried in. */
  needsRoom?: true;
}

type Known = Pick<Client, 'title' | 'speaks' | 'fifoOnly' | 'needsRoom'> & Partial<Pick<Client, 'more'>>;

const both = { fifo: true, fds: true };

const KNOWN: Record<string, Known> = {
  make43: { title: 'GNU make 4.3', speaks: { fifo: false, fds: true } },
  make44: { title: 'GNU make 4.4', speaks: both },
  ninja: { title: 'ninja 1.13', speaks: { fifo: true, fds: false }, fifoOnly: true },
  ctest: { title: 'ctest 4', speaks: both },
  'gcc-lto': { title: 'gcc -flto with make 4.3', speaks: { fifo: false, fds: true } },
  cargo: { title: 'cargo with rustc', speaks: both },
  portage: { title: 'Portage', speaks: { fifo: true, fds: false }, more: -2, needsRoom: true },
  'pytest-jobserver': { title: 'pytest-jobserver with xdist', speaks: { fifo: true, fds: false } },
  'gnumake-tokenpool': { title: 'gnumake-tokenpool', speaks: both, fifoOnly: true },
};

/** Every client that this suite knows, whether it is here or not. */
export const CLIENTS: readonly Client[] = [...KINDS, ...PYTHON_KINDS].flatMap((kind) => {
  const known = KNOWN[kind.name];
  return known === undefined ? [] : [{ more: 2, ...kind, ...known }];
});

/** False, or why the client cannot be run here. */
export const lacking = ({ needs }: Client): string | false => missing(...needs);
