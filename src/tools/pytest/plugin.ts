// Pure: how pytest is told to load our plugin (python/stint_pytest.py), and the plugin what it is to do.
import { delimiter } from 'node:path';
import { PYTHON } from '../../paths.ts';
import type { Variables } from './settings.ts';

/** The variables to set; the plugin puts those that it is loaded by back to what they are in `env`. */
export function pluginVariables(orders: object, { PYTHONPATH, PYTEST_ADDOPTS }: Variables): Record<string, string> {
  const environment = { PYTHONPATH: PYTHONPATH ?? null, PYTEST_ADDOPTS: PYTEST_ADDOPTS ?? null };
  return {
    STINT_PYTEST: JSON.stringify({ ...orders, environment }),
    PYTHONPATH: [PYTHON, PYTHONPATH].filter(Boolean).join(delimiter),
    PYTEST_ADDOPTS: ['-p stint_pytest', PYTEST_ADDOPTS].filter(Boolean).join(' '),
  };
}
