// Texts that others have chosen, made harmless for whoever is shown them.

/** What moves the cursor, commands the terminal, turns the direction of writing or is half a character. */
const HARMFUL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text in one line that commands nothing. */
export const harmless = (text: string): string => text.replace(HARMFUL, '?');

/** The same, in `most` characters at most. */
export function plain(text: string, most: number): string {
  const clean = harmless(text);
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}
