#!/bin/sh
# Brings programs of a later Debian into tests/newer/bin/, beside those of the system, which stays
# as it is. usage: fetch.sh SUITE PROGRAM:PACKAGE…
set -eu
suite=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$here/bin" "$work/lists/partial" "$work/archives/partial"
# From where this system takes its own packages.
mirror=$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' |
  awk '$1 == "Packages" && $2 ~ "/debian/$" { print $2; exit }')
signed=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$signed] $mirror $suite main" > "$work/sources.list"
cd "$work"
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::Archives="$work/archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}
apt update
for part in "$@"; do
  program=${part%%:*} package=${part##*:}
  [ -e "$package"_*.deb ] || apt download "$package"
  dpkg --fsys-tarfile "$package"_*.deb | tar -xO "./usr/bin/$program" > "$work/program"
  install -m 755 "$work/program" "$here/bin/$program"
done
