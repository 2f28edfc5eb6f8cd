#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/sysroot.sh ARCH TRIPLET DIR PACKAGE…: unpacks Debian packages of another architecture, and
# the libraries on which they depend directly, into DIR, for a cross compiler; DIR/libraries is the
# folder that has them. libc is the compiler's own. apt works in a private root within DIR, with this
# machine's sources and keys: nothing is installed, and the machine's lists and its idea of
# architectures stay as they are. An architecture that these sources do not have gets the packages
# built from Debian's sources. Does nothing when DIR has it all.
set -eu

[ $# -ge 4 ] || { echo "usage: tools/sysroot.sh ARCH TRIPLET DIR PACKAGE…" >&2; exit 2; }
arch=$1
triplet=$2
mkdir -p "$3"
dir=$(cd "$3" && pwd)
shift 3

wanted="$arch $triplet $*"
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
    tail -n 50 "$log" >&2
    echo "could not get $* for $arch" >&2
    exit 1
}

binaries() # PACKAGE…
{
    # shellcheck disable=SC2046
    libraries=$(apt-cache -c "$root/conf" depends --important "$@" 2>>"$log" |
        sed -n 's/^ *Depends: \(lib.*\)$/\1/p' | grep -v '^libc6' | sort -u)

    # shellcheck disable=SC2086
    (cd "$root/debs" && apt-get -q -c "$root/conf" download "$@" $libraries) >>"$log" 2>&1 ||
        return 1
    for deb in "$root"/debs/*.deb; do
        dpkg-deb -x "$deb" "$dir"
    done
    # Debian's name of the folder is not always the tools'.
    for libs in "$dir"/usr/lib/*/*.so; do
        ln -sfn "usr/lib/$(basename "${libs%/*}")" "$dir/libraries"
    done
}

sources() # PACKAGE…
{
    apt-get indextargets --format 'deb-src $(SITE) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        sort -u >"$root/sources"
    cat >>"$root/conf" <<END
Dir::Etc::sourcelist "$root/sources";
Dir::Etc::sourceparts "-";
END
    apt-get -q -c "$root/conf" update >>"$log" 2>&1 || return 1
    for package in "$@"; do
        mkdir -p "$root/src/$package"
        (
            cd "$root/src/$package" &&
                apt-get -q -c "$root/conf" source "$package" && cd ./*/ &&
                ./configure --host="$triplet" --prefix=/usr --libdir=/usr/lib --enable-shared &&
                make -j"$(nproc)" && make install DESTDIR="$dir"
        ) >>"$log" 2>&1 </dev/null || return 1
    done
    # They name places outside of DIR.
    rm -f "$dir"/usr/lib/*.la
    ln -sfn usr/lib "$dir/libraries"
}

# A list that is out of step for a while is no reason to give up: another may have the packages.
apt-get -q -c "$root/conf" update >"$log" 2>&1 || echo "some lists are missing" >>"$log"
if [ -n "$(apt-cache -c "$root/conf" madison "$@" 2>>"$log")" ]; then
    binaries "$@" || failed "$@"
else
    sources "$@" || failed "$@"
fi
rm -rf "$root" "$log"
echo "$wanted" >"$dir/.complete"
