/** The directory that this process is in; empty when it was removed. */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '';
  }
}
