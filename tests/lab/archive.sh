# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's archive, asked through an apt configuration of the lab's own. Sourced after lib.sh.
#
# Each suite has a directory apt/SUITE in the cache, with its configuration, lists and caches.
# Packages are verified by the archive's keyring. The machine's own apt is read, never changed:
# it says which mirror to use, and through which proxy.

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Lists younger than this are not asked for again.
readonly list_minutes=720

# The suites of a series, by the table.
suites_of() {
	awk -v series="$1" '
		/^#/ || !NF { next }
		{
			name = $1
			$1 = ""
		}
		name == series { found = $0 }
		name == "*" { other = $0 }
		END { print found ? found : other }' "$lab_dir/series"
}

absent() {
	say "$*"
	exit "$LAB_ABSENT"
}

# The mirror of the archive, or with "-security" that of the security archive.
archive_uri() {
	if [[ ${KCT_LAB_ARCHIVE-} ]]; then
		printf '%s%s\n' "${KCT_LAB_ARCHIVE%/}" "$1"
		return
	fi
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -m1 -E "/debian$1/?\$"
}

# suite_apt SUITE ARG...: apt-get, for that suite alone.
suite_apt() {
	local suite=$1
	shift
	apt-get -qq -c "$cache_dir/apt/$suite/apt.conf" "$@"
}

configure_suite() {
	local suite=$1 uri=$2 directory=$cache_dir/apt/$1
	mkdir -p -- "$directory"/{lists,cache/archives}/partial
	printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite" \
		>"$directory/sources.list"
	# What the machine does after an update, or fetches besides packages, is not ours to do.
	cat >"$directory/apt.conf" <<-CONF
		#clear APT::Update;
		#clear Acquire::IndexTargets;
		Acquire::IndexTargets::deb::Packages {
			MetaKey "\$(COMPONENT)/binary-\$(ARCHITECTURE)/Packages";
			ShortDescription "Packages";
			Description "\$(RELEASE)/\$(COMPONENT) \$(ARCHITECTURE) Packages";
		};
		Acquire::Languages "none";
		Acquire::GzipIndexes "true";
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "2";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		Dir::State "$directory";
		Dir::State::lists "$directory/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$directory/cache";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Dir::Etc::sourcelist "$directory/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	CONF
}

# See to it that the lists of a suite are here; fails, with the reason in $why.
have_suite() {
	local suite=$1 uri security='' directory=$cache_dir/apt/$1
	why=''
	[[ $suite != *-security ]] || security=-security
	if [[ $(find "$directory/updated" -mmin "-$list_minutes" 2>/dev/null) ]]; then
		return
	fi
	[[ -f $keyring ]] || why='missing package: debian-archive-keyring'
	[[ $why ]] || uri=$(archive_uri "$security") ||
		why="this machine's apt knows no mirror of debian$security (\$KCT_LAB_ARCHIVE names one)"
	[[ ! $why ]] || return 1
	configure_suite "$suite" "$uri"
	if suite_apt "$suite" update >"$directory/log" 2>&1; then
		: >"$directory/updated"
	elif [[ ! -f $directory/updated ]]; then
		why="$suite: $(grep -m1 '^E:' "$directory/log" || tail -n 1 "$directory/log")"
		return 1
	fi
}

# The descriptions of a suite's packages.
suite_packages() {
	local list
	# shellcheck disable=SC2016 # apt's own variables
	suite_apt "$1" indextargets --format '$(FILENAME)' 'Created-By: Packages' |
		while read -r list; do
			/usr/lib/apt/apt-helper cat-file "$list"
		done
}

# The versions of the package $2 in the suite $1.
suite_versions() {
	suite_packages "$1" | awk -v RS= -F '\n' -v name="$2" '
		$1 == "Package: " name {
			for (i = 2; i <= NF; i++)
				if ($i ~ /^Version: /)
					print substr($i, 10)
		}'
}

# The kernel images of the suite $1, of the series $2 or ("*") of all, one a line: VERSION, SERIES,
# and the packages that it takes: one, or from 6.19 on the image and the modules, too.
suite_images() {
	suite_packages "$1" | awk -v RS= -F '\n' -v wanted="$2" '
		!/^Package: linux-image-[0-9]+\.[0-9]+[^ \n]*-amd64(-unsigned)?\n/ { next }
		/^Package: [^\n]*-(rt|cloud)-amd64/ { next }
		{
			depends = ""
			for (i = 1; i <= NF; i++) {
				if ($i ~ /^Version: /)
					version = substr($i, 10)
				if ($i ~ /^Depends: /)
					depends = substr($i, 10)
			}
			# A package that only stands for the newest one.
			if (depends ~ /linux-image-/)
				next
			package = substr($1, 10)
			series = substr(package, length("linux-image-") + 1)
			match(series, /^[0-9]+\.[0-9]+/)
			series = substr(series, 1, RLENGTH)
			if (wanted != "*" && wanted != series)
				next
			printf "%s\t%s\t%s", version, series, package
			n = split(depends, names, /[ ,|]+/)
			for (i = 1; i <= n; i++)
				if (names[i] ~ /^linux-(binary|modules)-/)
					printf " %s", names[i]
			printf "\n"
		}'
}

# ask_suites SERIES COMMAND ARG: what COMMAND SUITE ARG says of each suite of a series, in the array
# found, each line with its suite at the end, sorted by version, oldest first; of one version the
# unsigned package comes first. $why says which suites could not be asked. The lists are locked only
# meanwhile: a build may take long after it.
ask_suites() {
	local suite lines='' whys='' lab_lock
	with_lock archive
	for suite in $(suites_of "$1"); do
		if have_suite "$suite"; then
			lines+=$("$2" "$suite" "$3" | sed "s/\$/\t$suite/")$'\n'
		else
			whys+="${whys:+; }$why"
		fi
	done
	exec {lab_lock}>&-
	why=$whys
	# shellcheck disable=SC2034 # for the caller
	mapfile -t found < <(grep . <<<"$lines" |
		awk '{ printf "%d\t%s\n", !/-unsigned\t/, $0 }' | sort -t $'\t' -k2,2V -k1,1n | cut -f 2-)
}

# Download packages of a suite, of one version, into the current directory. The lists may have lost
# the modules of an image that they still name, while the pool has them: these come unverified. Only
# the kernel says then whether they are its own, by their signatures: tests/lab/boot makes it.
fetch_packages() {
	local suite=$1 version=$2 package name uri
	shift 2
	uri=$(sed 's/.*] \([^ ]*\) .*/\1/' "$cache_dir/apt/$suite/sources.list")
	for package; do
		name=${package}_${version#*:}_amd64.deb
		if [[ $package != linux-modules-* ]]; then
			suite_apt "$suite" download "$package=$version" || return
		elif ! suite_apt "$suite" download "$package=$version" 2>/dev/null; then
			say "$package is only in the archive's pool"
			/usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file \
				"${uri%/}/pool/main/l/linux/$name" "$name" || return
		fi
	done >&2
}
