#!/bin/sh
# A throwaway PostgreSQL server for the tests, on a free port of the loopback interface.
#
#   eval "$(scripts/test-postgres.sh start)"   sets SMALLFIRST_TEST_POSTGRES (and where the server's files are)
#   scripts/test-postgres.sh crash             ends it as a power cut does, and starts it again where it was
#   scripts/test-postgres.sh stop              stops it and removes its files
#
# `start` prints two `export` lines on stdout and everything else on stderr. As root it installs Debian's postgresql when it is absent.
set -eu

fail() {
  echo "test-postgres: $1" >&2
  exit 1
}

# Where initdb and pg_ctl are: the newest Debian version, else the path.
find_bin() {
  for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n -r); do
    if [ -x "$dir/initdb" ]; then
      echo "$dir"
      return 0
    fi
  done
  if command -v initdb >/dev/null 2>&1; then
    dirname "$(command -v initdb)"
    return 0
  fi
  return 1
}

install_server() {
  [ "$(id -u)" = 0 ] || fail 'PostgreSQL is not installed, and installing it needs root'
  command -v apt-get >/dev/null 2>&1 || fail 'PostgreSQL is not installed, and there is no apt-get to install it with'
  # Only the server: without this, Debian also makes and starts a cluster of its own.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  DEBIAN_FRONTEND=noninteractive apt-get update >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql >&2
}

# The server refuses to run as root: then everything runs as the user that Debian made for it.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    su postgres -s /bin/sh -c "cd / && $1"
  else
    sh -c "$1"
  fi
}

free_port() {
  node -e "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })"
}

start() {
  bin=$(find_bin) || { install_server && bin=$(find_bin); } || fail 'PostgreSQL could not be installed'
  dir=$(mktemp -d /tmp/smallfirst-postgres.XXXXXX)
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  port=$(free_port)
  as_server "'$bin/initdb' -D '$dir/data' -U smallfirst --auth=trust --encoding=UTF8 --locale=C" >&2
  # Settings as installed, so that what is measured and tested is durable; only where it listens is ours.
  as_server "'$bin/pg_ctl' -D '$dir/data' -l '$dir/log' -w -t 60 -o \"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir'\" start" >&2 ||
    fail "the server did not start; see $dir/log"
  echo "export SMALLFIRST_TEST_POSTGRES='postgres://smallfirst@127.0.0.1:$port/postgres'"
  echo "export SMALLFIRST_TEST_POSTGRES_DIR='$dir'"
}

# What was started: its folder and its programs.
started() {
  dir=${SMALLFIRST_TEST_POSTGRES_DIR:-}
  [ -n "$dir" ] || fail 'SMALLFIRST_TEST_POSTGRES_DIR is not set: nothing was started'
  case "$dir" in /tmp/smallfirst-postgres.*) ;; *) fail "not a folder of this script: $dir" ;; esac
  bin=$(find_bin) || fail 'pg_ctl is gone'
}

crash() {
  started
  # Nothing is written before its end: at its start it recovers from its log.
  as_server "'$bin/pg_ctl' -D '$dir/data' -l '$dir/log' -m immediate -w -t 60 restart" >&2
}

stop() {
  started
  as_server "'$bin/pg_ctl' -D '$dir/data' -m fast -w stop" >&2
  rm -rf "$dir"
}

case "${1:-}" in
  start) start ;;
  crash) crash ;;
  stop) stop ;;
  *) fail 'usage: test-postgres.sh start|crash|stop' ;;
esac
