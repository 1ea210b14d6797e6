// A Gentoo Prefix in a folder: the real emerge with settings, a profile and a few packages of its own, which depend on
// nothing. It writes into that folder only, and never needs Gentoo, a mirror, or a user called portage.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toolPath } from '../../helpers/toolchain.ts';

export interface Prefix {
  /** An empty folder, or one that is not there yet; no white space in its path. */
  folder: string;
  packages: readonly Package[];
  /** Lines for make.conf. */
  settings?: string;
  /** More files in etc/portage: what is in each. */
  files?: Readonly<Record<string, string>>;
}

/** Its jobs, a command each, run by the package's make; or lines of its ebuild. */
type Package = readonly string[] | { name: string; phases: string };

/** Writes the prefix and returns the command that installs its packages. Portage takes tokens for them if it has a jobserver. */
export function writePrefix(prefix: Prefix): string[] {
  const { folder, packages } = prefix;
  mkdirSync(folder, { recursive: true });
  const emerge = writePortage(folder);
  write(join(folder, 'etc/portage/make.conf'), `${makeConf(prefix)}\n`);
  // It stands in for the repository that Portage's own settings name.
  write(join(folder, 'etc/portage/repos.conf'), `[gentoo]\nlocation = ${folder}/repository\nauto-sync = no\n`);
  symlinkSync('../../repository/profiles/jobs', join(folder, 'etc/portage/make.profile'));
  writeRepository(join(folder, 'repository'));
  for (const [name, text] of Object.entries(prefix.files ?? {})) write(join(folder, 'etc/portage', name), text);
  const names = packages.map((one, i) => ('phases' in one ? one.name : `p${i}`));
  for (const [i, one] of packages.entries())
    writePackage(join(folder, `repository/test-jobs/${names[i]}`), `${names[i]}-1.ebuild`, one);
  return [emerge, '--jobs=4', '--oneshot', '--quiet', ...names.map((name) => `test-jobs/${name}`)];
}

/**
 * Portage takes the prefix of its Python for its own. So the folder becomes a virtual environment that has everything but
 * its settings in common with the one in which Portage is installed. `emerge` is a script for that Python, as on Gentoo.
 */
function writePortage(folder: string): string {
  const installed = dirname(dirname(toolPath('emerge')));
  copyFileSync(join(installed, 'pyvenv.cfg'), join(folder, 'pyvenv.cfg'));
  for (const part of ['lib', 'share']) symlinkSync(join(installed, part), join(folder, part));
  const [python, emerge] = [join(folder, 'bin/python'), join(folder, 'bin/emerge')];
  write(emerge, emergeScript(folder, python));
  chmodSync(emerge, 0o755);
  symlinkSync(join(installed, 'bin/python'), python);
  return emerge;
}

/** Portage drops privileges to a user and a group of its own unless told others, here whoever runs it. */
function emergeScript(folder: string, python: string): string {
  return `#!${python}
import grp, os, pwd, runpy
os.environ["PORTAGE_USERNAME"] = pwd.getpwuid(os.getuid()).pw_name
os.environ["PORTAGE_GRPNAME"] = grp.getgrgid(os.getgid()).gr_name
runpy.run_path("${folder}/lib/portage/bin/emerge", run_name="__main__")
`;
}

function makeConf({ folder, settings = '' }: Prefix): string {
  return [
    'FEATURES="-* jobserver-token parallel-install"',
    `MAKE="${toolPath('make44')}"`, // an older one dies of a jobserver that is a path
    `PORTAGE_TMPDIR="${made(folder, 'tmp')}"`,
    `DISTDIR="${made(folder, 'distfiles')}"`,
    `PKGDIR="${made(folder, 'packages')}"`,
    settings,
  ].join('\n');
}

function writeRepository(folder: string): void {
  write(join(folder, 'metadata/layout.conf'), 'masters =\nuse-manifests = false\n');
  write(join(folder, 'profiles/repo_name'), 'gentoo\n');
  write(join(folder, 'profiles/categories'), 'test-jobs\n');
  write(join(folder, 'profiles/arch.list'), 'amd64\n');
  write(join(folder, 'profiles/eapi'), '8\n');
  write(join(folder, 'profiles/jobs/eapi'), '8\n');
  write(join(folder, 'profiles/jobs/make.defaults'), 'ARCH="amd64"\nACCEPT_KEYWORDS="amd64"\n');
  write(join(folder, 'licenses/MIT'), 'MIT\n');
}

function writePackage(folder: string, ebuild: string, jobs: Package): void {
  if ('phases' in jobs) {
    write(join(folder, ebuild), `${HEAD}\n${jobs.phases}\nsrc_install() {\n\tdodir "/opt/\${PN}"\n}\n`);
    return;
  }
  const names = jobs.map((_, i) => `j${i}`);
  const rules = jobs.map((job, i) => `j${i}:\n\t@${job}\n`);
  write(join(folder, 'files/Makefile'), `all: ${names.join(' ')}\n${rules.join('')}`);
  write(join(folder, ebuild), EBUILD);
}

const HEAD = `EAPI=8
DESCRIPTION="Some jobs"
HOMEPAGE="https://example.org"
S="\${WORKDIR}"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"
RESTRICT="strip"
`;

const EBUILD = `${HEAD}
src_compile() {
	emake -f "\${FILESDIR}/Makefile"
}

src_install() {
	insinto /usr/share/jobs
	newins "\${FILESDIR}/Makefile" "\${PN}"
}
`;

function made(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
