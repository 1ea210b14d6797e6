#!/bin/sh
# For ACTIONS_RUNNER_HOOK_JOB_STARTED of a self-hosted GitHub runner: the job finds the machine's pool. Where there is none it runs without.
stint env --for ci >>"$GITHUB_ENV" || echo '::warning::this machine has no pool of stint: the job runs beside it'
