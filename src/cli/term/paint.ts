// What a terminal can show, as its environment tells: colours (NO_COLOR, no-color.org), positions (TERM) and characters beyond ASCII.

export interface Paint {
  colour: boolean;
  /** Whether the cursor can be sent somewhere. */
  moves: boolean;
  /** Whether it shows more than ASCII. */
  unicode: boolean;
  glyphs: Glyphs;
}

/** The characters that pictures are made of. */
export interface Glyphs {
  held: string;
  implicit: string;
  leased: string;
  reserved: string;
  limited: string;
  free: string;
  /** From nothing to the most. */
  spark: string;
  ellipsis: string;
  up: string;
  down: string;
  mark: string;
}

const UNICODE: Glyphs = {
  held: '█',
  implicit: '▓',
  leased: '▒',
  reserved: '░',
  limited: '╳',
  free: '·',
  spark: ' ▁▂▃▄▅▆▇█',
  ellipsis: '…',
  up: '▲',
  down: '▼',
  mark: '▶',
};

const ASCII: Glyphs = {
  held: '#',
  implicit: '+',
  leased: '%',
  reserved: ':',
  limited: 'x',
  free: '.',
  spark: ' .:-=+*#@',
  ellipsis: '~',
  up: '^',
  down: 'v',
  mark: '>',
};

export function paintOf(environment: NodeJS.ProcessEnv): Paint {
  const moves = !['', 'dumb', 'unknown'].includes(environment.TERM ?? '');
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || '';
  const unicode = /utf-?8/i.test(locale);
  return { colour: moves && !environment.NO_COLOR, moves, unicode, glyphs: unicode ? UNICODE : ASCII };
}
