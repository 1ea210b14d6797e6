// The version, as package.json has it; a test holds the two together, so that no command has to read the file.

export const VERSION = '0.1.0';
