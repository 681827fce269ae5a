#!/usr/bin/env bash
# A backup of everything that Trackside cannot make again: deploy/backup.sh FOLDER
#
# FOLDER must not be there yet. It reads DATABASE_URL, TRACKSIDE_HOME and TRACKSIDE_STORAGE as the
# processes do. Jobs may run: the database is dumped first, so that what a row names is in the files
# that are copied after it. Left out is the cache.
set -euo pipefail
umask 077
target=${1:?the folder to write, such as /backup/$(date +%F)}
home=${TRACKSIDE_HOME:?set it as the processes have it}
storage=${TRACKSIDE_STORAGE:-$home/storage}
database=${DATABASE_URL:-sqlite:///$home/trackside.sqlite3}
mkdir "$target"

case $database in
    postgres*) pg_dump --format=custom --no-owner --no-privileges --file="$target/database.dump" --dbname="$database" ;;
    sqlite:///*) python3 - "${database#sqlite:///}" "$target/database.sqlite3" <<'PY'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as source, sqlite3.connect(sys.argv[2]) as copy:
    source.backup(copy)
PY
    ;;
    *) echo "DATABASE_URL begins with neither postgres:// nor sqlite:///." >&2; exit 1 ;;
esac

# 1: a file changed or went while it was read, as running jobs do; the checksums are of the copy.
tar --create --file="$target/storage.tar" --directory="$storage" \
    --exclude=./cache . || [ $? -eq 1 ]
realpath "$storage" > "$target/storage.path"
if [ -f "$home/secret_key" ]; then cp "$home/secret_key" "$target/"; fi
(cd "$target" && sha256sum -- * > SHA256SUMS)
du -sh "$target"
