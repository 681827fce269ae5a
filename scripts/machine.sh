#!/usr/bin/env bash
# Says in a sentence which Debian packages are missing; with --install, as root, installs them.
#   scripts/machine.sh chromium            scripts/machine.sh --install git make python3-venv chromium
set -euo pipefail
install=
if [ "${1:-}" = --install ]; then
    install=yes
    shift
fi

here() {
    case $1 in
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        chromium) command -v chromium >/dev/null || command -v chromium-browser >/dev/null ;;
        postgresql) command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
        mariadb-server) command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing=()
for package in "$@"; do
    here "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ -n "$install" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing with apt-get: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi
echo "Missing on this machine: ${missing[*]}. Install with: sudo apt-get install ${missing[*]}" >&2
exit 1
