#!/bin/sh
# What the tests need beside Python: a Chromium and PostgreSQL's server programs, from Debian's packages where they lack.
set -eu
have_chromium() {
  [ -n "${HUB_TEST_CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null
}
have_postgresql() {
  command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}
missing=""
have_chromium || missing="$missing chromium"
have_postgresql || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "The tests need$missing. Install them with your system's package manager, then run make test again." >&2
  exit 1
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
