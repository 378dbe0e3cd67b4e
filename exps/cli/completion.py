"""`exps completion`: scripts for shells. What they show comes from `exps --complete` (`complete`)."""

import click

from .session import Session, Verb

SCRIPTS = {
    "bash": r"""
_exps_complete() {
    local IFS=$'\n' options=$-
    set -f
    COMPREPLY=($("$1" --complete bash "${COMP_LINE:0:$COMP_POINT}" 2>/dev/null))
    [[ $options == *f* ]] || set +f
}
complete -o default -F _exps_complete exps
""",
    "fish": r"""
function __exps_complete
    set -l found (exps --complete fish (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c exps -f -a '(__exps_complete)'
""",
    "zsh": r"""
#compdef exps
_exps() {
    local -a found
    found=("${(@f)$(exps --complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n $found ]]; then compadd -a found; else _files; fi
}
compdef _exps exps
""",
}


@click.command(cls=Verb)
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
@click.pass_obj
def command(session: Session, shell: str) -> None:
    """Print what SHELL needs to complete commands, options and names of experiments.

    bash: `source <(exps completion bash)` in ~/.bashrc; zsh: the same in ~/.zshrc, behind compinit; fish: `exps
    completion fish | source` in ~/.config/fish/config.fish.
    """
    session.terminal.write(SCRIPTS[shell].strip())
