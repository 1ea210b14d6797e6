// A small project for each kind of real client: some jobs of random length, each of them traced. A project is made in a
// folder of its own and gives the command that builds it.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ToolName, toolPath } from '../helpers/toolchain.ts';
import { writePrefix } from './portage/prefix.ts';

export interface Project {
  args: string[];
  env: Record<string, string>;
  /** Jobs that must have been traced when it has been built: at least so many. */
  jobs: number;
}

export interface Workplace {
  /** An empty folder. */
  folder: string;
  /** The tracer, see demo/trace.c. */
  trace: string;
  /** A whole number from 0 to below n. */
  random(n: number): number;
}

export interface Kind {
  name: string;
  needs: ToolName[];
  /** The one style that it knows, where `stint run` has to be told. */
  style?: 'fifo';
  /** It knows only inherited descriptors: a jobserver that is a path is of no use to it. */
  inherits?: true;
  /** Slots without which it never ends, its implicit one included; 1 when absent. */
  least?: number;
  make(place: Workplace): Project;
}

export const KINDS: readonly Kind[] = [
  { name: 'make43', needs: ['make43'], inherits: true, make: (place) => makeProject(place, toolPath('make43')) },
  { name: 'make44', needs: ['make44'], make: (place) => makeProject(place, toolPath('make44')) },
  { name: 'ninja', needs: ['ninja'], make: ninjaProject },
  { name: 'ctest', needs: ['ctest'], make: ctestProject },
  { name: 'gcc-lto', needs: ['make43', 'gcc'], inherits: true, make: ltoProject },
  { name: 'cargo', needs: ['cargo', 'rustc'], make: cargoProject },
];

/** Clients written in Python. They take seconds. */
export const PYTHON_KINDS: readonly Kind[] = [
  { name: 'portage', needs: ['emerge', 'make44'], style: 'fifo', make: portageProject },
  // All workers but the first need a token to collect the tests, and nobody runs one before all have.
  { name: 'pytest-jobserver', needs: ['pytest'], style: 'fifo', least: 2, make: pytestProject },
  { name: 'gnumake-tokenpool', needs: ['tokenpool'], make: tokenpoolProject },
];

/** Compiles the tracer into `folder`. */
export function buildTracer(folder: string): string {
  const trace = join(folder, 'jobtrace');
  execFileSync('cc', ['-O2', '-o', trace, join(import.meta.dirname, '../../demo/trace.c')]);
  return trace;
}

/** Half of the jobs in a sub-make, which has to inherit the jobserver. */
function makeProject({ folder, trace, random }: Workplace, make: string): Project {
  const jobs = 4 + random(8);
  const names = Array.from({ length: jobs }, (_, i) => `j${i}`);
  const rules = names.map((name) => `${name}:\n\t@${trace} sleep 0.0${1 + random(6)}\n`).join('');
  writeFileSync(join(folder, 'sub.mk'), `all: ${names.join(' ')}\n${rules}`);
  writeFileSync(join(folder, 'Makefile'), `all: sub ${names.join(' ')}\nsub:\n\t@$(MAKE) -f sub.mk\n${rules}`);
  return { args: [make], env: {}, jobs: 2 * jobs };
}

function ninjaProject({ folder, trace, random }: Workplace): Project {
  const jobs = 6 + random(10);
  const edges = Array.from({ length: jobs }, (_, i) => `build j${i}: job\n  ms = 0.0${1 + random(6)}\n`);
  writeFileSync(join(folder, 'build.ninja'), `rule job\n  command = ${trace} sleep $ms\n${edges.join('')}`);
  return { args: [toolPath('ninja'), '--quiet'], env: {}, jobs };
}

function ctestProject({ folder, trace, random }: Workplace): Project {
  const jobs = 6 + random(8);
  const tests = Array.from({ length: jobs }, (_, i) => `add_test(t${i} "${trace}" sleep 0.0${1 + random(6)})\n`);
  writeFileSync(join(folder, 'CTestTestfile.cmake'), tests.join(''));
  return { args: [toolPath('ctest'), '-j', '8', '--test-dir', folder], env: {}, jobs };
}

/** gcc writes a makefile and runs `make`, which compiles the partitions with what gcc believes to be itself. */
function ltoProject({ folder, trace }: Workplace): Project {
  const gcc = toolPath('gcc');
  const objects: string[] = [];
  const names = Array.from({ length: 6 }, (_, i) => `part${i}`);
  for (const [i, name] of [...names, 'main'].entries()) {
    const source = join(folder, `${name}.c`);
    writeFileSync(source, name === 'main' ? mainSource(names) : partSource(name, i));
    execFileSync(gcc, ['-O2', '-flto', '-c', source, '-o', source.replace('.c', '.o')]);
    objects.push(source.replace('.c', '.o'));
  }
  const self = join(folder, 'gcc');
  writeFileSync(self, `#!/bin/sh\nexec ${trace} ${gcc} "$@"\n`);
  chmodSync(self, 0o755);
  const link = ['-O2', '-flto=jobserver', '-flto-partition=max', ...objects, '-o', join(folder, 'out')];
  // Under another name gcc does not find its own parts any more.
  const libgcc = execFileSync(gcc, ['-print-libgcc-file-name'], { encoding: 'utf8' }).trim();
  const env = { GCC_EXEC_PREFIX: `${dirname(dirname(dirname(libgcc)))}/` };
  return { args: ['bash', '-c', 'exec -a "$0" "$@"', self, gcc, ...link], env, jobs: names.length };
}

function mainSource(names: readonly string[]): string {
  const declarations = names.map((name) => `int ${name}(int);\n`).join('');
  return `${declarations}int main(int c, char **v) { return (${names.map((name) => `${name}(c)`).join(' + ')}) & 0; }\n`;
}

/** A function that takes the compiler some tens of milliseconds. */
function partSource(name: string, seed: number): string {
  const loops = Array.from(
    { length: 60 },
    (_, k) => `  for (int i = 0; i < x % ${k + 7}; i++) s = (s * ${k + seed + 5}) ^ (i + s % ${k + 3});\n`,
  );
  return `__attribute__((noinline)) int ${name}(int x) {\n  int s = x;\n${loops.join('')}  return s;\n}\n`;
}

/** Path crates that depend on one crate, one of them with a build script that runs a job of its own. */
function cargoProject({ folder, trace, random }: Workplace): Project {
  const crates = 3 + random(3);
  const members = Array.from({ length: crates }, (_, i) => `c${i}`);
  for (const [i, name] of members.entries()) {
    mkdirSync(join(folder, name, 'src'), { recursive: true });
    writeFileSync(
      join(folder, name, 'Cargo.toml'),
      `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n${i === 0 ? '' : 'c0 = { path = "../c0" }\n'}`,
    );
    writeFileSync(join(folder, name, 'src/lib.rs'), `pub fn f(x: u32) -> u32 { x.wrapping_mul(${i + 1}) }\n`);
  }
  writeFileSync(
    join(folder, 'c1/build.rs'),
    `fn main() { assert!(std::process::Command::new("${trace}").args(["sleep", "0.05"]).status().unwrap().success()); }\n`,
  );
  writeFileSync(join(folder, 'Cargo.toml'), `[workspace]\nresolver = "2"\nmembers = ${JSON.stringify(members)}\n`);
  const env = {
    RUSTC_WRAPPER: trace,
    CARGO_TARGET_DIR: join(folder, 'target'),
    CARGO_INCREMENTAL: '0',
    CARGO_TERM_COLOR: 'never',
  };
  return { args: [toolPath('cargo'), 'build', '--offline', '--quiet'], env, jobs: crates + 1 };
}

/** Portage takes a token for each package that it builds beside another, and hands the jobserver on to the package's make. */
function portageProject({ folder, trace, random }: Workplace): Project {
  const job = (least: number) => `${trace} sleep 0.${String(least + random(70)).padStart(3, '0')}`;
  const packages = Array.from({ length: 3 }, () => Array.from({ length: 4 + random(4) }, () => job(30)));
  // The last one has so much to do that it is alone in the end, and takes the slots that the others leave.
  packages.push(Array.from({ length: 12 }, () => job(200)));
  return { args: writePrefix({ folder: join(folder, 'prefix'), packages }), env: {}, jobs: packages.flat().length };
}

/** A token for each test, except in the first worker, which has the implicit slot. */
function pytestProject({ folder, trace, random }: Workplace): Project {
  const jobs = 8 + random(8);
  const times = Array.from({ length: jobs }, () => `0.0${2 + random(6)}`);
  writeFileSync(
    join(folder, 'test_jobs.py'),
    `import subprocess, pytest
@pytest.mark.parametrize("time", [${times.map((time) => `"${time}"`).join(', ')}])
def test_job(time):
    subprocess.run(["${trace}", "sleep", time], check=True)
`,
  );
  return { args: [toolPath('pytest'), '-q', '-p', 'no:cacheprovider', '-n', '3'], env: {}, jobs };
}

/** Never blocks: asks for a token for each job beyond its first until there is one. */
function tokenpoolProject({ folder, trace, random }: Workplace): Project {
  const jobs = 8 + random(8);
  const times = Array.from({ length: jobs }, () => `0.0${2 + random(6)}`);
  writeFileSync(
    join(folder, 'jobs.py'),
    `import subprocess, time
from gnumake_tokenpool import JobClient

client = JobClient()
times = [${times.map((time) => `"${time}"`).join(', ')}]
running = []
while times or running:
    while times:
        token = client.acquire() if running else None
        if running and token is None:
            break
        running.append((subprocess.Popen(["${trace}", "sleep", times.pop()]), token))
    time.sleep(0.005)
    ended = [job for job in running if job[0].poll() is not None]
    for process, token in ended:
        assert process.returncode == 0
        if token is not None:
            client.release(token)
    running = [job for job in running if job not in ended]
    implicit = [job for job in running if job[1] is None]
    if running and not implicit:
        # The implicit slot is free again: it takes over a job, whose token goes back.
        process, token = running.pop()
        client.release(token)
        running.append((process, None))
`,
  );
  return { args: [toolPath('tokenpool'), 'jobs.py'], env: {}, jobs };
}
