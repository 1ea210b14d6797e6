// Light or dark: what the system says, unless somebody says otherwise here.
import { useEffect, useState } from 'preact/hooks';

export type Choice = 'auto' | 'light' | 'dark';

const KEY = 'stint-theme';
const CHOICES: readonly Choice[] = ['auto', 'light', 'dark'];
const dark = window.matchMedia('(prefers-color-scheme: dark)');

/** What was chosen, what that means now, and the way to the next choice. */
export function useTheme(): { choice: Choice; theme: 'light' | 'dark'; next(): void } {
  const [choice, setChoice] = useState(stored);
  const [system, setSystem] = useState(dark.matches);
  const theme = choice === 'auto' ? (system ? 'dark' : 'light') : choice;
  useEffect(() => {
    const changed = () => setSystem(dark.matches);
    dark.addEventListener('change', changed);
    return () => dark.removeEventListener('change', changed);
  }, []);
  // At once, not in an effect: the charts look at the colours when they are drawn.
  document.documentElement.dataset.theme = theme;
  const next = () => {
    const chosen = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] as Choice;
    localStorage.setItem(KEY, chosen);
    setChoice(chosen);
  };
  return { choice, theme, next };
}

function stored(): Choice {
  const found = localStorage.getItem(KEY) as Choice | null;
  return found !== null && CHOICES.includes(found) ? found : 'auto';
}
