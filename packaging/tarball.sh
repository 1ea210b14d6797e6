#!/bin/sh
# Makes FOLDER/stint-VERSION-linux-ARCH.tar.gz: all that packaging/install.sh needs, built, for distributions whose build machines have no
# network: packaging/tarball.sh [FOLDER]. The same sources make the same bytes.
set -eu
out=$(realpath "${1:-.}")
cd "$(dirname "$0")/.."

version=$(sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
arch=$(node -p process.arch)
name=stint-$version
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
  --exclude=dist/node_modules --transform="s,^,$name/,;s,^$name/\./,$name/," \
  dist docs integrations packaging README.md CHANGELOG.md SECURITY.md LICENSE \
  "node_modules/@koromix/koffi-linux-$arch" node_modules/koffi/LICENSE.txt | gzip -9n >"$out/$name-linux-$arch.tar.gz"
