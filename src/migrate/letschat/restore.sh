#!/bin/sh
# Restores the history beside this script into the database of Let's Chat, checks it, or takes it back.
# Run it where mongorestore is: sh restore.sh dry-run
set -eu
umask 077

usage() {
    cat <<'USAGE'
Usage: sh restore.sh restore|check|undo|dry-run

  dry-run   say what restore would do, and change nothing
  restore   restore what is not there, and check it; it changes no message and no account that is there
  check     compare the database with what was written
  undo      remove the messages that were restored and have not been changed since, and the accounts that
            nobody uses

LCB_DATABASE_URI names the database, as for Let's Chat [default: mongodb://localhost:27017/letschat].
Needs mongorestore, and mongosh or mongo. Let's Chat and the bridge may run meanwhile.
Back up the database first: mongodump.

Exit status: 0 done; 1 something is missing or failed; 2 wrong arguments.
USAGE
}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'restore.sh: %s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

[ $# -eq 1 ] || {
    usage >&2
    exit 2
}
action=$1
case $action in
restore | check | undo | dry-run) ;;
-h | --help | help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for file in import.js restore.js users; do
    [ -e "$here/$file" ] || fail "$here/$file is missing: copy the whole directory, or write it again"
done

uri=${LCB_DATABASE_URI:-mongodb://localhost:27017/letschat}
case $uri in
*"'"* | *'
'*) fail "LCB_DATABASE_URI contains a quote or a line break: write it as %27 or %0A" ;;
mongodb://*/?* | mongodb+srv://*/?*) ;;
*) fail "LCB_DATABASE_URI must look like mongodb://HOST:27017/letschat, with the name of the database" ;;
esac

shell=
if has mongosh; then
    shell=mongosh
elif has mongo; then
    shell=mongo
fi

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The address may hold a password: it goes into files that only this user can read, not into the list of processes.
escaped() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
in_database() {
    printf 'var letsbridge = {action: "%s", uri: "%s", directory: "%s"};\n' \
        "$1" "$(escaped "$uri")" "$(escaped "$here")" >"$temporary/settings.js"
    "$shell" --nodb --quiet "$temporary/settings.js" "$here/import.js" "$here/restore.js"
}

needs_shell() {
    [ -n "$shell" ] || fail "neither mongosh nor mongo is here: install one of them, or run this where it is"
}

restore_file() {
    folder=$1
    collection=$2
    shift 2
    set -- "$@" "--collection=$collection" "$here/$folder/$collection.bson"
    case $(mongorestore --help 2>&1) in
    *--config*)
        printf "uri: '%s'\n" "$uri" >"$temporary/mongorestore.yaml"
        set -- "--config=$temporary/mongorestore.yaml" "$@"
        ;;
    *) set -- "--uri=$uri" "$@" ;;
    esac
    # It says each message that is there already.
    {
        status=0
        mongorestore "$@" 2>&1 || status=$?
        echo "$status" >"$temporary/status"
    } | grep -v 'continuing through error: E11000' || true
    read -r status <"$temporary/status"
    [ "$status" -eq 0 ] || fail "mongorestore failed with status $status"
}

restore() {
    has mongorestore || fail "mongorestore is not here: install the MongoDB database tools, or run this where they are"
    if [ -z "$shell" ]; then
        ! grep -q '"participants":' "$here/import.js" ||
            fail "neither mongosh nor mongo is here, and only they can let the participants of a room read it: install one of them"
        say "neither mongosh nor mongo is here: nothing is checked, and new rooms keep the time when they were made."
        restore_file users users --noIndexRestore
        # With the index of the messages, which is in the metadata.
        for folder in "$here"/[0-9]*; do
            restore_file "${folder##*/}" messages
        done
        say "Run \"sh restore.sh check\" where one of them is."
        return
    fi
    in_database before >"$temporary/before" || {
        grep -v '^RESTORE ' "$temporary/before" || true
        exit 1
    }
    grep -v '^RESTORE ' "$temporary/before" || true
    grep '^RESTORE ' "$temporary/before" >"$temporary/list" || true
    while read -r _ folder collection; do
        say "$folder/$collection.bson"
        restore_file "$folder" "$collection" --noIndexRestore </dev/null
    done <"$temporary/list"
    in_database after
}

case $action in
restore) restore ;;
*)
    needs_shell
    in_database "$action"
    ;;
esac
