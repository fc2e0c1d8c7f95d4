# bash completion for kvmclock-trace
# shellcheck shell=bash disable=SC2154

_kvmclock_trace_words() {
	local IFS=$'\n' word
	for word in $1; do
		word=${word%%$'\t'*}
		[[ $word != "$cur"* ]] || COMPREPLY+=("$(printf %q "$word")")
	done
}

# What may stand for a value, by kind.
_kvmclock_trace_value() {
	case $1 in
	vm | pid)
		# What is typed may have been quoted for the shell already.
		# shellcheck disable=SC2162
		IFS= read cur <<<"$cur"
		_kvmclock_trace_words "$("${COMP_WORDS[0]}" list --complete="$1" 2>/dev/null)"
		;;
	file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	command) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur") ;;
	esac
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

_kvmclock_trace() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command i
	COMPREPLY=()
	# "--vm=web" comes as three words.
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $previous == "=" ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$_kvmclock_trace_commands help --help --version" -- "$cur")
		return
	fi
	command=${COMP_WORDS[1]}
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- && $command == record ]]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			elif ((i + 1 == COMP_CWORD)); then
				_kvmclock_trace_value command
			fi
			return
		fi
	done
