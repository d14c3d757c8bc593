#!/usr/bin/env bash
# Makes .build/deb/chat-server_VERSION_ARCHITECTURE.deb of a release binary: deb.sh BINARY
# What the package depends on is read off the binary's libraries by dpkg-shlibdeps.
set -euo pipefail

binary=$1
if ! command -v dpkg-shlibdeps >/dev/null; then
    echo "installing dpkg-dev"
    apt-get install -y --no-install-recommends dpkg-dev >/dev/null
fi
version=$("$binary" version | awk '{ print $2; exit }')
architecture=$(dpkg --print-architecture)
work=.build/deb
root=$work/root
rm -rf "$work"
mkdir -p "$work/debian"

install -D -m 0755 "$binary" "$root/usr/bin/chat-server"
strip --strip-unneeded "$root/usr/bin/chat-server"
install -D -m 0644 packaging/chat-server.service "$root/lib/systemd/system/chat-server.service"
install -D -m 0640 packaging/chat-server.json5 "$root/etc/chat-server/chat-server.json5"
for document in docs/operating.md docs/llm.md docs/poc.md docs/aivo.md docs/events.md docs/format.md CHANGELOG.md; do
    install -D -m 0644 "$document" "$root/usr/share/doc/chat-server/$(basename "$document")"
done
install -D -m 0644 LICENSE "$root/usr/share/doc/chat-server/copyright"

# dpkg-shlibdeps wants a source package around it.
printf 'Source: chat-server\n\nPackage: chat-server\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/chat-server 2>/dev/null | sed 's/^shlibs:Depends=//')

mkdir -p "$root/DEBIAN"
install -m 0755 packaging/postinst packaging/prerm packaging/postrm "$root/DEBIAN/"
echo /etc/chat-server/chat-server.json5 >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<EOF
Package: chat-server
Version: $version
Architecture: $architecture
Maintainer: The chat-server developers <chat-server@localhost>
Section: net
Priority: optional
Depends: adduser, $depends
Installed-Size: $(du -sk "$root" | cut -f1)
Description: embedded chat back end: one binary, one data directory, no database
 Keeps chat sessions and their messages and speaks the published APIs of four
 existing chat back ends. A write is answered when it is on the disk; a backup
 is a copy of the data directory, taken while it runs.
EOF

package=$work/chat-server_${version}_${architecture}.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
rm -rf "$root" "$work/debian"
echo "$package"
