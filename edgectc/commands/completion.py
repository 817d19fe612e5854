"""What bash, zsh and fish complete the words of a command by: verbs, options, and names that ship.

The script holds all of it, so that completing a word starts no Python.
"""

from __future__ import annotations

import shlex
from argparse import SUPPRESS, Action
from collections.abc import Callable, Iterator, Mapping, Sequence

from edgectc.commands import known
from edgectc.commands.arguments import Parser, Verbs
from edgectc.core.errors import UnknownNameError

HELP = 'print what bash, zsh or fish completes words by, e.g. eval "$(edgectc --completion bash)"'

_BASH = """\
# Words of edgectc, for bash, and for zsh through its bashcompinit.
_edgectc() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local verb=${{COMP_WORDS[1]}} action=${{COMP_WORDS[2]}} words=
  case $before in
{values}
  esac
  if [ -z "$words" ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then words={verbs}
    else
      case $verb in {groups}) [ "$COMP_CWORD" -eq 2 ] && action= || verb="$verb $action" ;; esac
      case $verb in
{options}
      esac
    fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _edgectc edgectc
"""
_ZSH = "autoload -Uz bashcompinit && bashcompinit\n"


def script(shell: str, verbs: Verbs) -> str:
    """Return the script of a shell.

    Raises:
        UnknownNameError: there is none for this one.
    """
    shells: dict[str, Callable[[Verbs], str]] = {
        "bash": _bash,
        "fish": _fish,
        "zsh": lambda verbs: _ZSH + _bash(verbs),
    }
    if shell not in shells:
        raise UnknownNameError("shell", shell, shells)
    return shells[shell](verbs)


def _bash(verbs: Verbs) -> str:
    actions = {name: found for name in verbs.parsers if (found := _actions(name, verbs))}
    options = {
        name: actions.get(name) or [*_flags(parser), *known.of_verb(name)]
        for name, parser in verbs.parsers.items()
    }
    first = [name for name in verbs.parsers if " " not in name]
    return _BASH.format(
        values=_cases(known.of_options(), 4),
        verbs=shlex.quote(" ".join([*first, *_flags(verbs.root)])),
        groups="|".join(actions),
        options=_cases(options, 8),
    )


def _cases(words: Mapping[str, Sequence[str]], indent: int) -> str:
    """Return the branches of a shell's ``case``."""
    return "\n".join(
        f"{' ' * indent}{shlex.quote(name)}) words={shlex.quote(' '.join(found))} ;;"
        for name, found in words.items()
    )


def _fish(verbs: Verbs) -> str:
    lines = ["# Words of edgectc, for fish."]
    first = [name for name in verbs.parsers if " " not in name]
    for name in first:
        text = shlex.quote(verbs.parsers[name].description or "")
        lines.append(f"complete -c edgectc -n __fish_use_subcommand -a {name} -d {text}")
    for name, parser in verbs.parsers.items():
        group, _, last = name.rpartition(" ")
        if group:
            unset = (
                f"'__fish_seen_subcommand_from {group}; and not __fish_seen_subcommand_from {last}'"
            )
            text = shlex.quote(parser.description or "")
            lines.append(f"complete -c edgectc -n {unset} -a {last} -d {text}")
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split())
        for option in _options(parser):
            lines.append(f"complete -c edgectc -n '{seen}' {_fish_option(option)}")
    return "\n".join(lines) + "\n"


def _fish_option(option: Action) -> str:
    long = max(option.option_strings, key=len)
    names = " ".join(known.of_options().get(long, ()))
    takes = f" -x -a {shlex.quote(names)}" if names else " -r" if option.nargs != 0 else ""
    return f"-l {long.removeprefix('--')}{takes} -d {shlex.quote(_plain(option.help))}"


def _plain(text: str | None) -> str:
    """Return help as argparse prints it, where a percent sign is written twice."""
    return (text or "").replace("%%", "%")


def _options(parser: Parser) -> Iterator[Action]:
    return (a for a in parser._actions if a.option_strings and a.help != SUPPRESS)


def _flags(parser: Parser) -> list[str]:
    return [max(option.option_strings, key=len) for option in _options(parser)]


def _actions(name: str, verbs: Verbs) -> list[str]:
    return [v.partition(" ")[2] for v in verbs.parsers if v.startswith(f"{name} ")]
