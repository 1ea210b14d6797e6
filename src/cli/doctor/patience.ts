// Waiting for the file system no longer than is sensible: a FUSE server that does not answer holds up whoever looks at its mount.

/** Milliseconds. */
const PATIENCE = 3_000;

let late = false;

/** What `promise` brings, or undefined when that takes too long. */
export async function inTime<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      late = true;
      resolve(undefined);
    }, PATIENCE);
  });
  try {
    return await Promise.race([promise, patience]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether something was given up: a thread of Node's pool hangs then, and Node's own ways out of this process wait for it. */
export const isLate = (): boolean => late;
