#!/usr/bin/env bash
# A backup into an empty place: deploy/restore.sh FOLDER
#
# DATABASE_URL names an empty database, TRACKSIDE_HOME and TRACKSIDE_STORAGE empty folders, or ones
# that are not there yet, the storage at the path it had; no process of Trackside runs. Afterwards start it as ever: jobs that ran
# when the backup was made are found lost, and go on from their last checkpoint in it.
set -euo pipefail
umask 077
source=$(realpath "${1:?the folder that backup.sh wrote}")
home=${TRACKSIDE_HOME:?set it as the processes will have it}
storage=${TRACKSIDE_STORAGE:-$home/storage}
database=${DATABASE_URL:-sqlite:///$home/trackside.sqlite3}
(cd "$source" && sha256sum --quiet --check SHA256SUMS)
mkdir -p "$home" "$storage"
if [ -n "$(ls -A "$storage")" ]; then
    echo "$storage is not empty: a backup is restored into an empty place only." >&2
    exit 1
fi
before=$(cat "$source/storage.path")
if [ "$(realpath "$storage")" != "$before" ]; then
    echo "Jobs that waited or ran name their files below $before: here they will fail." >&2
fi

case $database in
    postgres*)
        tables=$(psql --no-psqlrc --tuples-only --no-align --dbname="$database" --command="select count(*) from pg_tables where schemaname = 'public'")
        if [ "$tables" != 0 ]; then
            echo "The database of DATABASE_URL has $tables tables: restore into an empty one." >&2
            exit 1
        fi
        pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$database" "$source/database.dump" ;;
    sqlite:///*)
        if [ -e "${database#sqlite:///}" ]; then
            echo "${database#sqlite:///} is there already: restore into an empty place only." >&2
            exit 1
        fi
        cp "$source/database.sqlite3" "${database#sqlite:///}" ;;
    *) echo "DATABASE_URL begins with neither postgres:// nor sqlite:///." >&2; exit 1 ;;
esac
tar --extract --file="$source/storage.tar" --directory="$storage"
if [ -f "$source/secret_key" ]; then install -m 600 "$source/secret_key" "$home/secret_key"; fi
