#!/bin/sh
# Usage: scripts/setup.sh EXTRA    EXTRA is an extra of setup.cfg: demo, test or dev
#
# Makes .venv and installs the package in it, editable, with that extra. A second run finds its stamp and
# is done at once, until setup.cfg, pyproject.toml or the place of the folder changes.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

extra=$1
stamp=.venv/ready-$extra
dot_hint=.venv/dot-hint

say() { printf 'setup: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

venv_works() { new_enough .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }

inputs() { pwd -P; cksum setup.cfg pyproject.toml; }

ready() { venv_works && [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$(inputs)" ]; }

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "found no Python 3.10 or newer on the PATH; please install one (https://www.python.org/downloads)"
}

make_venv() {
    python=$(find_python)
    version=$("$python" -c 'import platform; print(platform.python_version())')
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python $version cannot make virtual environments; on Debian or Ubuntu: sudo apt-get install python${version%.*}-venv"
    say "making .venv with Python $version"
    "$python" -m venv --clear .venv
}

# Runs a command; in a terminal a dot appears every two seconds, so that one sees that it lives.
show_life() {
    if [ ! -t 1 ]; then
        "$@"
        return
    fi
    "$@" &
    while kill -0 $! 2>/dev/null; do
        sleep 2
        printf .
    done
    echo
    wait $!
}

install_package() {
    rm -f "$stamp"
    case $extra in
        demo) what="NumPy, scikit-learn, matplotlib and tqdm, about 400 MB" ;;
        *) what="and what its extra needs" ;;
    esac
    say "installing tinygrad_ml[$extra] into .venv: $what (a minute or two the first time)"
    show_life .venv/bin/python -m pip install -qq --editable ".[$extra]" ||
        fail "pip could not install tinygrad_ml[$extra]; its message is above. Run the same command again to go on"
    # compiled here, since the first import cannot always write its bytecode
    .venv/bin/python -m compileall -q tinygrad_ml models || true
    inputs >"$stamp"
}

# Graphviz's `dot` lays out drawings. The system's package manager is asked for it once, if that needs no password;
# when it cannot be had, the line that says how to get it is kept in .venv, and everything but drawings works.
set_up_dot() {
    if command -v dot >/dev/null; then return; fi
    [ -e "$dot_hint" ] || install_dot
    if [ -e "$dot_hint" ]; then cat "$dot_hint"; fi
}

install_dot() {
    hint="for drawings, install Graphviz"
    for manager in apt-get dnf zypper pacman apk brew; do
        if command -v "$manager" >/dev/null; then break; fi
        manager=
    done
    case $manager in
        apt-get | dnf | zypper) install="$manager install -y graphviz" ;;
        pacman) install="pacman -S --noconfirm graphviz" ;;
        apk) install="apk add --no-cache graphviz" ;;
        brew) install="brew install graphviz" ;;
        *)
            say "$hint: https://graphviz.org/download" >"$dot_hint"
            return
            ;;
    esac
    case $manager,$(id -u) in
        brew,* | *,0) sudo= ;;
        *) sudo="sudo " ;;
    esac
    if quietly true; then
        say "installing Graphviz for drawings: $sudo$install"
        [ "$manager" != apt-get ] || quietly apt-get update || true
        # shellcheck disable=SC2086  # $install is a command and its arguments
        if quietly $install && command -v dot >/dev/null; then return; fi
    fi
    say "$hint: $sudo$install" >"$dot_hint"
}

# Runs a command with $sudo, without asking anything.
quietly() { ${sudo:+sudo -n} env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >/dev/null 2>&1; }

ready || {
    venv_works || make_venv
    install_package
}
set_up_dot
