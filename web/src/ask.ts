// Questions to the daemon.
import { useEffect, useState } from 'preact/hooks';

export interface Asked<T> {
  /** The newest answer. */
  answer: T | undefined;
  /** Why there is none; undefined while it is waited for, too. */
  error: string | undefined;
}

/** The answer to `GET path`, if there is one to ask for; asked again every `period` milliseconds, or when `path` or `again` change; 0: not by time. */
export function useAsked<T>(
  path: string | undefined,
  { period, again }: { period: number; again?: unknown },
): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { path: string | undefined }>({
    path,
    answer: undefined,
    error: undefined,
  });
  useEffect(() => {
    if (path === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = new AbortController();
    const ask = async () => {
      const began = performance.now();
      try {
        const answer = await question<T>(path, stop.signal);
        setAsked({ path, answer, error: undefined });
      } catch (error) {
        if (stop.signal.aborted) return;
        setAsked((before) => ({
          path,
          answer: before.path === path ? before.answer : undefined,
          error: String(error),
        }));
      }
      // What takes long to answer is asked for less often.
      if (period > 0 && !stop.signal.aborted)
        timer = setTimeout(ask, Math.max(period, 10 * (performance.now() - began)));
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, period, again]);
  return asked.path === path ? asked : { answer: undefined, error: undefined };
}

class Refused extends Error {
  override toString(): string {
    return this.message;
  }
}

async function question<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(`/api${path}`, { signal });
  const text = await response.text();
  if (!response.ok) throw new Refused(errorIn(text) ?? `the answer is ${response.status}`);
  return JSON.parse(text) as T;
}

function errorIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string }).error;
  } catch {
    return text.trim() === '' ? undefined : text;
  }
}
