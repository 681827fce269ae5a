#!/usr/bin/env bash
# Makes the virtual environment with Python 3.11, or says in a sentence what is missing.
set -euo pipefail
venv=$1

is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

python=
for candidate in python3.11 python3 /usr/bin/python3.11; do
    if is_311 "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Trackside needs Python 3.11; neither python3.11 nor python3 is one here." >&2
    echo "On Debian 12: apt-get install python3 python3-venv; on Ubuntu 22.04: apt-get install python3.11 python3.11-venv" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments. Install its venv package: apt-get install python3-venv" >&2
    exit 1
fi
echo "Making $venv with $("$python" --version)"
rm -rf "$venv"
"$python" -m venv "$venv"
