# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scripts of the lab share. Sourced, never run.
#
# The cache holds one directory per kernel, ready to boot:
#
#   NAME/vmlinux    the kernel as an ELF file (QEMU starts it through PVH)
#   NAME/release    what `uname -r` says inside
#   NAME/modules/   lib/modules/RELEASE/..., absent when everything is built in
#   NAME/initrd-*   the initramfs, made by tests/lab/boot
#   NAME/key        what it was built from, for tests/lab/build
#   NAME/config     how it was configured; Debian's have NAME/package instead
#   apt/            lists of Debian's archive, for tests/lab/archive.sh
#   build/          the tree of tests/lab/build

# The statuses of the lab itself, told apart from those of the command inside.
# shellcheck disable=SC2034 # used by those who source this
readonly LAB_ABSENT=77 LAB_DIED=123 LAB_TIMEOUT=124 LAB_FAILED=125

lab_dir=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cache_dir=${KCT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvmclock-trace/lab}
readonly lab_dir cache_dir

say() {
	printf 'tests/lab/%s: %s\n' "${0##*/}" "$*" >&2
}

fail() {
	say "$*"
	exit "$LAB_FAILED"
}

# The comment block at the head of the running script is its --help.
usage() {
	sed -n '/^# Usage:/,/^[^#]/{ /^#/!q; s/^# \{0,1\}//p }' "$0"
}

# need PROGRAM:PACKAGE...: stop, in one line, unless every program is there.
need() {
	local pair missing=''
	for pair; do
		if ! PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null; then
			missing+=" ${pair#*:}"
		fi
	done
	if [[ $missing ]]; then
		fail "missing packages:$missing (all of the lab's: xargs apt-get install <tests/lab/packages)"
	fi
}

# A name that is a plain directory name, so that it cannot lead out of the cache.
check_name() {
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ && $1 != build && $1 != apt ]] ||
		fail "'$1' is not the name of a kernel"
}

# with_lock NAME: hold the lock of that name until this shell ends.
with_lock() {
	mkdir -p -- "$cache_dir"
	exec {lab_lock}>"$cache_dir/.$1.lock"
	flock "$lab_lock"
}

# kernel_dir NAME: the directory of a kernel in the cache; fails when it is not there.
kernel_dir() {
	[[ -f $cache_dir/$1/vmlinux && -f $cache_dir/$1/release ]] || return 1
	printf '%s\n' "$cache_dir/$1"
}

# Seconds since the epoch with milliseconds, as an integer of milliseconds.
now_ms() {
	local t=$EPOCHREALTIME
	printf '%s\n' "$((10#${t/[.,]/} / 1000))"
}

# seconds MS: 12345 becomes 12.3
seconds() {
	printf '%d.%d\n' "$(($1 / 1000))" "$(($1 % 1000 / 100))"
}
