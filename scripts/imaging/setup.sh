#!/bin/sh
# Runs once inside a unit's root file system while its image is built, as root: programs in, doors shut.
#   setup.sh kernel                  Debian's packages, with their kernel
#   setup.sh no-kernel PACKAGE…      a Raspberry Pi OS, which has to have these packages
set -eu
stage=/opt/anpr-edge/stage venv=/opt/anpr-edge/venv
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 HOME=/root

kernel=$1
shift

if [ "$kernel" = no-kernel ]; then "$stage/raspios.sh" "$@"; fi

echo '== programs'
python3 -m venv --system-site-packages "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-index \
    --ignore-installed --find-links "$stage/wheels" --require-hashes -r "$stage/wheels/requirements.txt"
"$venv/bin/python" -m pip check
# Nothing is installed on a unit later: an update replaces the whole root file system.
rm -rf "$venv"/lib/python3*/site-packages/pip* "$venv"/lib/python3*/site-packages/setuptools* "$venv"/bin/pip*
# Compiled once for all: nothing can be written beside the sources, and no time stamp may decide.
find "$venv" -name __pycache__ -type d -prune -exec rm -rf {} +
# Nor are other people's tests wanted, of which some do not even compile. One process: two would not give the same twice.
find "$venv" -type d -name tests -prune -exec rm -rf {} +
"$venv/bin/python" -m compileall -q -j 1 --invalidation-mode unchecked-hash "$venv"/lib/python3*/site-packages
ln -sf "$venv/bin/anpr-edge" /usr/local/bin/anpr-edge

echo '== users and services'
systemd-sysusers
mkdir -p /data /boot/firmware /boot/select /etc/anpr-edge /var/lib/anpr-edge /var/lib/systemd
systemctl set-default multi-user.target
systemctl enable anpr-edge.target
for unit in /etc/systemd/system/anpr-edge-*; do
    if grep -q '^WantedBy=' "$unit"; then systemctl enable "${unit##*/}"; fi
done
if [ -e /lib/systemd/system/systemd-resolved.service ] && ! [ -e /usr/sbin/NetworkManager ]; then
    systemctl enable systemd-networkd.service systemd-resolved.service
    systemctl disable systemd-networkd-wait-online.service
    ln -sf ../run/systemd/resolve/resolv.conf /etc/resolv.conf
fi
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer man-db.timer fstrim.timer \
    e2scrub_all.timer e2scrub_reap.service; do
    systemctl disable "$unit" 2>/dev/null || true
done
"$stage/doors.sh"

echo '== kernel'
if [ "$kernel" = kernel ]; then update-initramfs -c -k all; fi

echo '== what would make this build differ from the next'
echo anpr-edge >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 anpr-edge\n' >/etc/hosts
: >/etc/machine-id
rm -f /vmlinuz* /initrd.img*
rm -rf /var/lib/dbus/machine-id /var/log/* /var/cache/* /var/lib/apt/lists/* /var/lib/systemd/random-seed \
    /var/lib/initramfs-tools /root/.cache /var/tmp/* /tmp/* "$stage"
find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -name '*.dpkg-old' -type f -exec rm -f {} +
mkdir -p /var/cache/apt/archives/partial /var/log
