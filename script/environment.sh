# Sourced by the scripts beside it: where Python is, and virtual environments that are made once and renewed when what
# they are made from changes.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Print a Python of at least 3.11 that can make virtual environments.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Custody needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv). PYTHON=/path/to/python names one."
}

# What the product may need at run time: the first file always, the others where an option is used.
run_time_requirements=(
    requirements.txt requirements-s3.txt requirements-timestamps.txt requirements-tracing.txt requirements-scim.txt
    requirements-parquet.txt requirements-sigstore.txt
)

# ensure_environment DIR REQUIREMENTS [MORE…]: make or renew DIR so that it holds what the requirements files name.
# The first file is installed; the others are files it includes. Two scripts at once: the second waits for the first.
ensure_environment() {
    local dir=$1 requirements=$2 python log
    shift 2
    local stamp="$dir/.installed-$(basename "$requirements" .txt)" wanted
    wanted=$(cat "$requirements" "$@" | cksum)
    [ -x "$dir/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    python=$(find_python) || exit 1
    exec 9>"$dir.lock"
    if command -v flock >/dev/null; then flock 9; fi
    if [ ! -x "$dir/bin/python" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "Installing $requirements into $dir …"
        "$dir/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$dir" || fail "Could not make $dir."
        log=$(mktemp)
        "$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >"$log" 2>&1 || {
            cat "$log" >&2
            fail "pip could not install $requirements (see above)."
        }
        rm -f "$log"
        printf '%s\n' "$wanted" >"$stamp"
    fi
    exec 9>&-
}
