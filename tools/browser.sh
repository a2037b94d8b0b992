#!/bin/sh
# Chromium for the tests of the live page, where it can be had: on Debian or Ubuntu, as root. Never fails: without it
# these tests are skipped, and say so.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the tests of the live page …"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 && exit 0
    echo "Chromium can't be installed here: the tests of the live page in a browser are skipped."
else
    echo "No Chromium here: the tests of the live page in a browser are skipped. On Debian or Ubuntu: apt-get install chromium"
fi
exit 0
