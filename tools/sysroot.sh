#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/sysroot.sh ARCH DIR PACKAGE…: unpacks Debian packages of another architecture, and the
# libraries on which they depend directly, into DIR, for a cross compiler. libc is the compiler's
# own. apt works in a private root within DIR, with this machine's sources and keys: nothing is
# installed, and the machine's lists and its idea of architectures stay as they are. Does nothing
# when DIR has it all.
set -eu

[ $# -ge 3 ] || { echo "usage: tools/sysroot.sh ARCH DIR PACKAGE…" >&2; exit 2; }
arch=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2

wanted="$arch $*"
[ "$(cat "$dir/.complete" 2>/dev/null || :)" = "$wanted" ] && exit 0

for tool in apt-get apt-cache dpkg-deb; do
    command -v "$tool" >/dev/null || {
        echo "no $tool here: please unpack $* for $arch into $dir" >&2
        exit 1
    }
done

root=$dir/.apt
log=$dir/.log
rm -rf "$root"
mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/debs"
: >"$root/status"
# Read after the machine's own configuration: what that would do to the machine after an update, or
# fetch besides, is not for a private root.
cat >"$root/conf" <<END
APT::Architecture "$arch";
#clear APT::Architectures;
APT::Architectures { "$arch"; };
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "$root";
Dir::State::lists "$root/lists";
Dir::State::status "$root/status";
Dir::Cache "$root";
Dir::Cache::archives "$root/archives";
END

failed()
{
    cat "$log" >&2
    echo "could not get $* for $arch" >&2
    exit 1
}

apt-get -q -c "$root/conf" update >"$log" 2>&1 || failed "$@"

# shellcheck disable=SC2046
libraries=$(apt-cache -c "$root/conf" depends --important "$@" 2>>"$log" |
    sed -n 's/^ *Depends: \(lib.*\)$/\1/p' | grep -v '^libc6' | sort -u)

# shellcheck disable=SC2086
(cd "$root/debs" && apt-get -q -c "$root/conf" download "$@" $libraries) >>"$log" 2>&1 ||
    failed "$@"
for deb in "$root"/debs/*.deb; do
    dpkg-deb -x "$deb" "$dir"
done
rm -rf "$root" "$log"
echo "$wanted" >"$dir/.complete"
