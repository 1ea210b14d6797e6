// The Debian package on a bare Debian 12, without Node and without a network: installed, used, upgraded under a build, removed, purged.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Debian, noDebian } from '../helpers/debian.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const PATIENCE = 60_000;

/** Three projects, each of which notes what runs at once. */
const PROJECTS = `
mkdir make ninja cargo cargo/src
printf 'all: a b c d\\na b c d:\\n\\t@echo + >>log; sleep 0.2; echo - >>log\\n' >make/Makefile
printf 'rule r\\n command = echo $out; sleep 0.1; touch $out\\nbuild a: r\\nbuild b: r\\nbuild c: r\\n' >ninja/build.ninja
printf '[package]\\nname = "hello"\\nversion = "1.0.0"\\n' >cargo/Cargo.toml
echo 'fn main() { println!("hello"); }' >cargo/src/main.rs
`;

/** Two builds whose jobs end when there is a file `go`. */
const HELD = `
mkdir -p held/run held/node
jobs=$(seq -s ' ' 8)
printf "all: $jobs\\n$jobs:\\n\\t@echo + >>../log; until [ -e ../go ]; do sleep 0.1; done; echo - >>../log\\n" |
  tee held/run/Makefile >held/node/Makefile
`;

describe('the Debian package', { skip: noDebian() ?? false }, () => {
  const folder = temporaryFolder({ after });

  before(() => {
    const env = { ...process.env, DEB_COMPRESS: '-Zzstd -z1' };
    execFileSync(join(ROOT, 'packaging/debian/build.sh'), [folder], { env });
    const openrc = { PATH: process.env.PATH, DESTDIR: join(folder, 'openrc'), PREFIX: '/usr', OPENRC: '1' };
    execFileSync(join(ROOT, 'packaging/install.sh'), { env: openrc });
  });

  it('serves ordinary users where its unit is started by hand, and leaves nothing when it is purged', async (t) => {
    const debian = await Debian.start(t, { boot: false, folder });
    assert.notEqual((await debian.sh('command -v node nodejs')).code, 0, 'there is no Node');
    await debian.does('useradd --create-home dev && useradd --create-home other');
    const bare = await debian.files();
    await debian.does('dpkg -i /mnt/stint_*.deb && usermod -aG jobserver dev');
    const unit = await debian.does('cat /usr/lib/systemd/system/stint.service');
    const command = /^ExecStart=(.*)$/m.exec(unit)?.[1] as string;
    const daemon = debian.start(`exec ${command} --jobs 2`);
    await until('it serves', async () => (await debian.sh('stint status')).code === 0, PATIENCE);

    await debian.does(PROJECTS, 'dev');
    await debian.does('cd make && stint run -- make', 'dev');
    assert.equal(peak(await debian.does('cat make/log', 'dev')), 2, 'two jobs at once, and never more');
    await debian.does('cd ninja && stint run --slots 1..2 -- ninja -j {slots}', 'dev');
    await debian.does('cd cargo && stint run -- cargo build --offline', 'dev');
    assert.equal(await debian.does('cargo/target/debug/hello', 'dev'), 'hello');
    const past = await debian.does('stint history', 'dev');
    for (const name of ['make', 'ninja', 'cargo']) assert.ok(past.includes(name), `${name} in ${past}`);
    const take = 'head -c 1 /run/stint/jobserver';
    assert.equal((await debian.sh(take, 'dev')).code, 0, 'who is in the group may take slots of the machine');
    assert.match((await debian.sh(take, 'other')).stderr, /Permission denied/);

    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    await debian.does('kill $(cat /run/stint.lock)');
    await gone;
    await debian.does('dpkg --remove stint');
    assert.deepEqual(
      added(bare, await debian.files()).filter((path) => !path.startsWith('/var/lib/stint/')),
      [
        '/etc/stint',
        '/etc/stint/stint.toml',
        '/etc/systemd/system/multi-user.target.wants/stint.service',
        '/var/lib/stint', // what `stint set` has said, and what builds were seen to need
      ],
    );
    await debian.does('dpkg --purge stint');
    assert.deepEqual(added(bare, await debian.files()), []);
    assert.equal(await debian.does('getent group jobserver; ls -d /run/stint* 2>/dev/null; :'), '');
  });

  it('is a service of systemd, which goes on over deaths and upgrades under a build', async (t) => {
    const debian = await Debian.start(t, { boot: true, folder });
    const bare = await debian.files();
    await debian.does('useradd --create-home dev && dpkg -i /mnt/stint_*.deb && usermod -aG jobserver dev');
    const about = async (key: string) => debian.does(`systemctl show --value -p ${key} stint`);
    const restarts = async () => JSON.parse(await debian.does('stint status --json')).daemon.restarts as number;
    assert.match(await about('StatusText'), /^\d+ slots at \/run\/stint\/jobserver$/);
    assert.equal(await debian.does('systemd-analyze --man=no verify stint.service 2>&1'), '');
    const keeper = await about('MainPID');

    await debian.does(PROJECTS, 'dev');
    await debian.does('cd make && stint run -- make', 'dev');
    await debian.does('mkfifo end');
    const build = debian.start('exec stint run -- cat end'); // it ends when we let it
    const code = new Promise((resolve) => build.once('exit', resolve));
    await until('it has begun', async () => /running/.test(await debian.does('stint status --json')), PATIENCE);

    await debian.does('kill -9 $(stint status --json | sed -n \'s/.*"engine": *\\([0-9]*\\).*/\\1/p\')');
    await until('another engine serves', async () => (await restarts()) === 1, PATIENCE);
    await debian.does('systemctl reload stint');
    await debian.does('dpkg -i /mnt/stint_*.deb');
    assert.equal(await restarts(), 2, 'an upgrade has the daemon go on as the new program');
    assert.equal(await about('MainPID'), keeper, 'in the same process');
    await debian.does('echo >end');
    assert.equal(await code, 0, 'the build has not noticed');

    await debian.does(HELD, 'dev');
    const own = 'exec 7<>/run/stint/jobserver && exec env MAKEFLAGS=" -j --jobserver-auth=7,7" make';
    const builds = ['cd held/run && exec stint run -- make', `cd held/node && ${own}`].map((script) => {
      const child = debian.start(script, 'dev');
      return new Promise((resolve) => child.once('exit', resolve));
    });
    const jobs = async () => (await debian.sh('grep -c + held/log', 'dev')).stdout;
    await until('jobs run in the whole pool', async () => Number(await jobs()) >= 2, PATIENCE);
    await debian.does("sed -i 's/^#jobs = .*/jobs = 3/' /etc/stint/stint.toml && systemctl restart stint");
    const next = await about('MainPID');
    assert.notEqual(next, keeper, 'a restart is another process');
    assert.equal(await debian.does('cat /run/stint.lock'), next);
    assert.equal(await restarts(), 3, 'which goes on from what systemd has kept');
    assert.equal(await about('NFileDescriptorStore'), '0', 'and systemd keeps it no more');
    await debian.does('touch held/go', 'dev');
    for (const ended of builds) assert.equal(await ended, 0, 'no build has noticed');
    const { capacity, free } = JSON.parse(await debian.does('stint status --json'));
    assert.deepEqual([capacity, free], [3, 3], 'no slot is lost or made, and the configuration is read again');
    assert.ok(peak(await debian.does('cat held/log', 'dev')) <= 4, 'a pool of 3, and one for a new build');

    const other = async (lines: string) => {
      const path = '/run/systemd/system/stint.service.d/other.conf';
      await debian.does(`mkdir -p $(dirname ${path}) && printf '[Service]\\n${lines}\\n' >${path}`);
      await debian.does(`systemctl daemon-reload && systemctl restart stint && rm ${path} && systemctl daemon-reload`);
    };
    await other('FileDescriptorStoreMax=1');
    assert.equal(await restarts(), 0, 'where systemd keeps too little, a restart is a stop and a start');
    await debian.does(`cat >/root/stint <<'EOF' && chmod +x /root/stint
#!/bin/bash
eval "exec $((LISTEN_FDS + 2))>&-"
export LISTEN_FDS=$((LISTEN_FDS - 1))
exec stint serve --config /etc/stint/stint.toml
EOF`);
    await other('ExecStart=\\nExecStart=/root/stint');
    assert.equal(await restarts(), 0, 'where something of it is lost, the next daemon begins anew');
    const successor = await about('MainPID');

    await debian.does(`kill -9 ${successor}`);
    await until(
      'it is started again',
      async () => (await about('ActiveState')) === 'active' && (await restarts()) === 0,
      PATIENCE,
    );
    assert.notEqual((await debian.sh('stint serve --config /etc/stint/stint.toml')).code, 0);
    assert.deepEqual(await saidBy(debian), [
      '3 stint: the engine process ended by SIGKILL; another one goes on',
      '3 stint: cannot go on as another program: N descriptors, and systemd keeps 1; this is a stop',
      '3 stint: cannot go on from what systemd has kept, beginning anew: 1 of N descriptors are missing',
    ]);
    const last = debian.start('exec stint run -- sleep 2');
    const lastCode = new Promise((resolve) => last.once('exit', resolve));
    await until('it runs', async () => /running/.test(await debian.does('stint status --json')), PATIENCE);
    await debian.does('systemctl stop stint');
    assert.equal(await lastCode, 0, 'a stop has waited for it');
    assert.equal(await about('Result'), 'success');
    assert.notEqual((await debian.sh('mountpoint -q /run/stint')).code, 0);
    await debian.does('systemctl start stint && dpkg --purge stint');
    assert.deepEqual(added(bare, await debian.files()), []);
    assert.equal(await debian.does('getent group jobserver; ls -d /run/stint* 2>/dev/null; :'), '');
  });

  it('is a service of OpenRC, too', async (t) => {
    const debian = await Debian.start(t, { boot: false, folder });
    await debian.does('dpkg -i /mnt/stint_*.deb && mkdir -p /etc/conf.d && cp -r /mnt/openrc/etc/*.d /etc');
    // What OpenRC makes when it boots a machine.
    const states =
      'daemons exclusive failed hotplugged inactive options scheduled started starting stopping tmp wasinactive';
    await debian.does(
      `cd / && for state in ${states}; do mkdir -p run/openrc/$state; done && touch run/openrc/softlevel`,
    );
    const service = (what: string) => debian.does(`rc-service stint ${what}`);
    const pid = () => debian.does('cat /run/stint.lock');
    await service('start');
    await debian.does('stint status');
    const first = await pid();
    await service('reload');
    await service('upgrade');
    assert.equal(await pid(), first);
    await debian.does(`kill -9 ${first}`);
    await until(
      'it is started again',
      async () => (await debian.sh('stint status')).code === 0 && (await pid()) !== first,
      PATIENCE,
    );
    await service('status');
    await service('stop');
    assert.equal((await debian.sh('stint status')).code, 3);
    await debian.does('echo odd = 1 >>/etc/stint/stint.toml');
    assert.match(
      (await debian.sh('rc-service stint start')).stderr,
      /unknown key odd/,
      'it says why it does not start',
    );
  });
});

/** What the daemon has told the journal that an admin should see: how grave it is, and what. */
async function saidBy(debian: Debian): Promise<string[]> {
  const lines = await debian.does('journalctl -u stint -t stint -p warning -o json');
  return lines.split('\n').map((line) => {
    const { PRIORITY, MESSAGE } = JSON.parse(line);
    return `${PRIORITY} ${MESSAGE.replace(/\d+ descriptors/, 'N descriptors')}`;
  });
}

/** How many jobs of a log of + and - ran at once. */
function peak(log: string): number {
  let now = 0;
  return Math.max(...log.split('\n').map((sign) => (sign === '+' ? ++now : --now)));
}

const added = (before: readonly string[], after: readonly string[]): string[] =>
  after.filter((path) => !before.includes(path));
