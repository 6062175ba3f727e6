#!/usr/bin/env bash
# Puts Prometheus' own promtool into the folder DIR, out of Debian's package: scripts/promtool.sh DIR
# Where that cannot be had, the tests that need it are skipped.
set -u
into=$(realpath "$1")
command -v promtool >/dev/null && exit 0
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 0
download() { timeout 120 apt-get download -qq prometheus; }
{ download || { timeout 120 apt-get update -qq && download; }; } >/dev/null 2>&1
if dpkg-deb -x prometheus_*.deb unpacked 2>/dev/null; then
  install unpacked/usr/bin/promtool "$into/promtool"
else
  echo "promtool cannot be had here: its tests are skipped"
fi
