// Names with `*` and `?` in them, as configurations write them.

/** Whether `glob` stands for all of `text`: `*` for any characters, `?` for one. In time of their lengths' product, whatever the text. */
export function fits(glob: string, text: string): boolean {
  let [at, star, from] = [0, -1, 0];
  for (let n = 0; n < text.length; ) {
    if (glob[at] === '*') [star, from] = [at++, n];
    else if (glob[at] === '?' || (at < glob.length && glob[at] === text[n])) [at, n] = [at + 1, n + 1];
    else if (star !== -1) [at, n] = [star + 1, ++from];
    else return false;
  }
  return /^\**$/.test(glob.slice(at));
}
