// What a page must have for those who do not see it, or see it badly: checked in the page itself, by hand.

/** Runs in the page: what is wrong, in words. */
export function faults(): string[] {
  const found: string[] = [];
  const words = (element: Element) => `<${element.localName}> ${(element.textContent ?? '').trim().slice(0, 40)}`;
  const isShown = (element: Element) => element.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const nameOf = (element: Element): string => {
    const labelled = element.getAttribute('aria-labelledby');
    const label = element.getAttribute('aria-label') ?? (labelled && document.getElementById(labelled)?.textContent);
    const own = 'labels' in element ? ((element as HTMLInputElement).labels?.[0]?.textContent ?? '') : '';
    return (label || own || element.textContent || '').trim();
  };
  for (const element of document.querySelectorAll(
    'a, button, input, summary, [role="img"], section, nav, fieldset, table',
  )) {
    if (isShown(element) && nameOf(element) === '') found.push(`has no name: ${words(element)}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const next = Number(heading.localName.slice(1));
    if (next > level + 1) found.push(`a heading is left out before ${words(heading)}`);
    level = next;
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('there is not one h1');
  if (document.querySelectorAll('main').length !== 1) found.push('there is not one main');
  for (const table of document.querySelectorAll('table')) {
    for (const head of table.querySelectorAll('th')) if (!head.scope) found.push(`has no scope: ${words(head)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`two have the id ${id}`);
  for (const element of document.querySelectorAll('[tabindex]'))
    if ((element as HTMLElement).tabIndex > 0) found.push(`is out of the order of focus: ${words(element)}`);
  return [...found, ...faint()];

  /** Text that stands out too little from what is behind it: below 4.5 to 1, as WCAG 2 has it. */
  function faint(): string[] {
    const context = document
      .createElement('canvas')
      .getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
    const rgba = (css: string): number[] => {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = css;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data];
    };
    const behind = (element: Element | null): number[] => {
      for (let at = element; at !== null; at = at.parentElement) {
        const back = rgba(getComputedStyle(at).backgroundColor);
        if (back[3] === 255) return back;
      }
      return [255, 255, 255, 255];
    };
    const light = ([r = 0, g = 0, b = 0]: number[]): number => {
      const [lr = 0, lg = 0, lb = 0] = [r, g, b].map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
    };
    const said = new Set<string>();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      if (element === null || node.textContent?.trim() === '' || !isShown(element)) continue;
      if (['script', 'style', 'noscript'].includes(element.localName)) continue;
      const [one, other] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) said.add(`stands out by ${ratio.toFixed(1)} only: ${words(element)}`);
    }
    return [...said];
  }
}
