"""Completion scripts for shells, made from the parser."""

from __future__ import annotations

import argparse

from .call import DONE, Call
from .parser import make_parser, word_names


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return sorted({option for action in parser._actions for option in action.option_strings
                   if option.startswith("--")})


def _bash() -> str:
    words = word_names(make_parser())
    cases = "\n".join(
        f"    {name}) words='{' '.join([*word_names(parser), *_options(parser)])}' ;;"
        for name, parser in words.items())
    return f"""_s3console() {{
  local words='{' '.join([*words, *_options(make_parser())])}' word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in
{cases}
    *) continue ;;
    esac
    break
  done
  COMPREPLY=( $(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}") )
}}
complete -o default -F _s3console s3console"""


def _fish() -> str:
    words = word_names(make_parser())
    lines = [f"complete -c s3console -n __fish_use_subcommand -a '{' '.join(words)}'"]
    for name, parser in words.items():
        lines += [f"complete -c s3console -n '__fish_seen_subcommand_from {name}' -l {option[2:]}"
                  for option in _options(parser)]
        if word_names(parser):
            lines.append(f"complete -c s3console -n '__fish_seen_subcommand_from {name}' "
                         f"-a '{' '.join(word_names(parser))}'")
    return "\n".join(lines)


def completion(call: Call) -> int:
    """Print the completion script of a shell; zsh reads the one of bash."""
    shell = call.options.shell
    if shell == "zsh":
        call.output.line("autoload -Uz bashcompinit && bashcompinit")
    call.output.line(_fish() if shell == "fish" else _bash())
    return DONE
