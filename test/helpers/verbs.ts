// What people may say to `stint`, in order.
import { TREE } from '../../src/cli/verbs/tree.ts';

export const VERBS = TREE.map(({ name }) => name).sort();
