// Arguments and variables of commands are passed on as they came: in strings of one byte per character (latin1). Words of people are UTF-8.

export const bytesOf = (words: string): string => Buffer.from(words).toString('latin1');
export const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();
