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
	file | directory)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen "-${1:0:1}" -- "$cur")
		;;
	command) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	*)
		# What is typed may have been quoted for the shell already.
		# shellcheck disable=SC2162
		IFS= read cur <<<"$cur"
		case $1 in
		vm | pid) _kvmclock_trace_words "$("${COMP_WORDS[0]}" list --complete="$1" 2>/dev/null)" ;;
		*) _kvmclock_trace_words "${1// /$'\n'}" ;;
		esac
		;;
	esac
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
	# Of a word with a colon readline puts in what is behind it.
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_kvmclock_trace() {
	local cur previous before='' command i
	local -a words=()
	COMPREPLY=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		# "--vm=web" comes as three words, and so does "db:main".
		if ((i > 1)) && [[ ${COMP_WORDS[i]} == :* || ${words[-1]} == *: ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
	cur=${words[-1]} previous=${words[-2]}
	[[ $COMP_WORDBREAKS != *:* ]] || before=${cur%"${cur##*:}"}
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $previous == "=" ]]; then
		previous=${words[-3]}
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
