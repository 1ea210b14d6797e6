// All verbs that people may say, in the order in which they are told of.
import { CONFIG } from './config.ts';
import { CONFORMANCE } from './conformance.ts';
import { DESELECT } from './deselect.ts';
import { DOCTOR } from './doctor.ts';
import { ENV } from './env.ts';
import { EXPLAIN } from './explain.ts';
import { GET } from './get.ts';
import { HISTORY } from './history.ts';
import { LEASE } from './lease.ts';
import { RUN } from './run.ts';
import { SERVE } from './serve.ts';
import { SET } from './set.ts';
import { STATUS } from './status.ts';
import { TEST } from './test.ts';
import { TOP } from './top.ts';
import { TRACE } from './trace.ts';
import { UPGRADE } from './upgrade.ts';
import type { Verb } from './verb.ts';
import { WATCH } from './watch.ts';
import { WEB } from './web.ts';
import { WITH } from './with.ts';

export const TREE: readonly Verb[] = [
  RUN,
  LEASE,
  WITH,
  STATUS,
  TOP,
  WATCH,
  EXPLAIN,
  WEB,
  HISTORY,
  TRACE,
  SET,
  GET,
  DOCTOR,
  ENV,
  CONFIG,
  CONFORMANCE,
  TEST,
  DESELECT,
  SERVE,
  UPGRADE,
];
