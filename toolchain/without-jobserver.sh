#!/bin/sh
# Runs a command without the jobserver, flags and settings of whatever started it: tests and benchmarks bring their own.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS CARGO_MAKEFLAGS NINJA_STATUS
for name in $(env | sed -n 's/^\(STINT_[A-Z_]*\)=.*/\1/p'); do
  unset "$name"
done
exec "$@"
