# SPDX-License-Identifier: MIT
#
# bash's completion of gosling: its commands and options, then the program and its arguments.

_gosling()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
    COMPREPLY=()

    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'run check --help --version' -- "$cur")
        return
    fi
    if [ "${COMP_WORDS[1]}" == check ]; then
        mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
        return
    fi
    [ "${COMP_WORDS[1]}" == run ] || return
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --timeout | --connect-timeout | --resolver | --trace | --slice) i=$((i + 1)) ;;
        --)
            i=$((i + 1))
            break
            ;;
        -*) ;;
        *) break ;;
        esac
    done
    if ((i < COMP_CWORD)); then # the program is there: these are its arguments
        if declare -F _command_offset >/dev/null; then
            _command_offset "$i"
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        return
    fi
    case $prev in
    --timeout | --connect-timeout | --slice) ;;
    --resolver) mapfile -t COMPREPLY < <(compgen -W 'ares thread auto' -- "$cur") ;;
    --trace) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    *)
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W '--timeout --connect-timeout --resolver --trace
                --audit --strict --slice --native-threads --follow --or-native --help --' -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        fi
        ;;
    esac
}
complete -F _gosling gosling
