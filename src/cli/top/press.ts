// What each key does: changes the view, and tells what the daemon is to be asked, or that it is over. It asks nobody itself.
import type { BuildStatus, ChangeBuild } from '../../api/schema.ts';
import type { Key } from '../term/keys.ts';
import { ORDERS, type Prompt, selectedBuild, shownBuilds, type View } from './view.ts';

export type Action =
  | { do: 'quit' | 'suspend' | 'redraw' }
  | { do: 'change'; id: number; change: ChangeBuild }
  | { do: 'reclaim'; id: number };

const CLASSES: Readonly<Record<string, BuildStatus['class']>> = { i: 'interactive', n: 'normal', b: 'background' };
/** As long as a filter may be, characters. */
const MAX_TEXT = 60;

export function press(view: View, key: Key): Action | undefined {
  view.message = undefined;
  if (key === 'ctrl-c') return { do: 'quit' };
  if (key === 'ctrl-z') return { do: 'suspend' };
  if (key === 'ctrl-l') return { do: 'redraw' };
  if (view.prompt !== undefined) return answer(view, view.prompt, key);
  if (view.help) {
    view.help = false;
    return key === 'q' ? { do: 'quit' } : undefined;
  }
  switch (key) {
    case 'q':
      return { do: 'quit' };
    case '?':
    case 'h':
      view.help = true;
      break;
    case 's':
      view.order = ORDERS[(ORDERS.indexOf(view.order) + 1) % ORDERS.length] ?? 'came';
      view.message = `sorted by ${view.order === 'came' ? 'arrival' : view.order}`;
      break;
    case 'S':
      view.reversed = !view.reversed;
      break;
    case '/':
      view.prompt = { ask: 'filter', text: view.filter };
      break;
    case 'escape':
      view.filter = '';
      break;
    case 'enter':
    case ' ':
      expand(view);
      break;
    case 'w':
    case 'c':
    case 'r':
      begin(view, key);
      break;
    default:
      move(view, key);
  }
  return undefined;
}

/** A key while something is asked in the last row. */
function answer(view: View, prompt: Prompt, key: Key): Action | undefined {
  if (prompt.ask === 'filter' || prompt.ask === 'weight') return type(view, prompt, key);
  view.prompt = undefined;
  if (prompt.ask === 'reclaim') return key === 'y' ? { do: 'reclaim', id: prompt.id } : undefined;
  const of = CLASSES[key];
  return of === undefined ? undefined : { do: 'change', id: prompt.id, change: { class: of } };
}

function type(view: View, prompt: Extract<Prompt, { text: string }>, key: Key): Action | undefined {
  if (key === 'escape') {
    view.prompt = undefined;
    if (prompt.ask === 'filter') view.filter = '';
  } else if (key === 'enter') {
    view.prompt = undefined;
    if (prompt.ask === 'weight') return weigh(view, prompt);
  } else {
    const { text } = prompt;
    if (key === 'backspace') prompt.text = [...text].slice(0, -1).join('');
    else if (key === 'ctrl-u') prompt.text = '';
    else if ([...key].length === 1 && text.length < MAX_TEXT) prompt.text += key;
    if (prompt.ask === 'filter') view.filter = prompt.text;
  }
  return undefined;
}

function weigh(view: View, { id, text }: { id: number; text: string }): Action | undefined {
  if (text === '') return undefined;
  const weight = Number(text);
  if (weight >= 0.01 && weight <= 1000) return { do: 'change', id, change: { weight } };
  view.message = `a weight is a number from 0.01 to 1000, not '${text}'`;
  return undefined;
}

function begin(view: View, key: 'w' | 'c' | 'r'): void {
  const build = selectedBuild(view);
  if (build === undefined) return;
  const { id, stranded } = build;
  if (key === 'w') view.prompt = { ask: 'weight', id, text: '' };
  else if (key === 'c') view.prompt = { ask: 'class', id };
  else if (stranded > 0) view.prompt = { ask: 'reclaim', id };
  else view.message = `build ${id} has lost no slots; what a client holds cannot be taken back`;
}

function expand(view: View): void {
  const build = selectedBuild(view);
  if (build === undefined) return;
  view.selected = build.id;
  if (!view.expanded.delete(build.id)) view.expanded.add(build.id);
}

function move(view: View, key: Key): void {
  const builds = shownBuilds(view);
  const at = builds.findIndex(({ id }) => id === selectedBuild(view)?.id);
  const page = Math.max(1, view.room - 1);
  const steps: Readonly<Record<Key, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    'page-up': -page,
    'page-down': page,
    home: -builds.length,
    end: builds.length,
  };
  const step = steps[key];
  if (step === undefined) return;
  view.selected = builds[Math.max(0, Math.min(builds.length - 1, at + step))]?.id;
}
