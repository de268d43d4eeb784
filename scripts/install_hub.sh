#!/bin/sh
# Make the checkout importable from its virtual environment, and give it the `hub` command: no build, no network.
set -eu
bin=$1
root=$(cd "$(dirname "$0")/.." && pwd)
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$root" > "$site/connector_hub.pth"
cat > "$bin/hub" <<EOF
#!$root/$bin/python
from hub.cli import main

main()
EOF
chmod +x "$bin/hub"
