# A shell that is no child of the session (ssh, the console, su) reaches its display as well.
if [ -z "${DISPLAY:-}" ] && [ -S /tmp/.X11-unix/X1 ] && [ -O /tmp/.X11-unix/X1 ]; then
    set -a
    . /usr/lib/kindling/session.env
    set +a
fi
export BROWSER="${BROWSER:-/usr/bin/kindling-open}"
