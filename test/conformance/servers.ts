// The servers that the suite can start by itself, by name.
import { accessSync, constants } from 'node:fs';
import { fifoServer, type Server } from './server.ts';
import { deviceServer, machineServer, userServer } from './stint.ts';

interface Ends {
  after(done: () => Promise<void>): void;
}

export interface Kind {
  /** False, or why it cannot be started here. */
  lacking(): string | false;
  /** @param folder an empty one, for what it needs */
  start(t: Ends, folder: string): Promise<Server>;
}

export const SERVERS: Readonly<Record<string, Kind>> = {
  FIFO: { lacking: () => false, start: async (_, folder) => fifoServer(folder) },
  stint: { lacking: lackingForMount, start: machineServer },
  'stint --device': { lacking: lackingForDevice, start: deviceServer },
  'stint --user': { lacking: () => false, start: userServer },
};

/** What mounting needs. */
function lackingForMount(): string | false {
  if (process.getuid?.() !== 0) return 'only root may mount';
  return canOpen('/dev/fuse') ? false : 'no /dev/fuse';
}

/** The tests have it in a virtual machine. */
function lackingForDevice(): string | false {
  return lackingForMount() || (canOpen('/dev/cuse') ? false : 'no /dev/cuse');
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
