// One of a few, by buttons.

/** How much is shown. */
export interface Choice {
  name: string;
  span: number;
}

interface ChoicesProps {
  /** What is chosen; only for who cannot see it. */
  legend: string;
  of: readonly Choice[];
  span: number;
  onChoose(span: number): void;
}

export function Choices({ legend, of, span, onChoose }: ChoicesProps) {
  return (
    <fieldset class="choices">
      <legend class="hidden">{legend}</legend>
      {of.map((one) => (
        <button key={one.name} type="button" aria-pressed={one.span === span} onClick={() => onChoose(one.span)}>
          {one.name}
        </button>
      ))}
    </fieldset>
  );
}
