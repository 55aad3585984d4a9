#!/bin/sh
# Resolves every dependency anew, in an environment of its own, into constraints.txt. Give PYTHON the oldest that is to be
# served (3.11.2 is that of Debian 12): with a later one, a pin may ask for more than others have.
set -eu
cd "$(dirname "$0")/.."
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check uv 'torch<2.14'
"$environment/bin/uv" pip install --quiet --python "$environment/bin/python" -e '.[all,dev]'
{
    cat <<'HEADER'
# Exact versions of everything that `make install` installs, for Python 3.11 and newer.
# They constrain, they do not require: pyproject.toml says what is needed. Renew with `make lock`, then run `make test`.
HEADER
    # A build tag such as +cpu belongs to one machine; without it the pin fits every build of the version.
    "$environment/bin/uv" pip freeze --quiet --python "$environment/bin/python" --exclude-editable |
        grep -v '^pip==' | sed 's/+[a-z0-9.]*$//'
} >constraints.txt
