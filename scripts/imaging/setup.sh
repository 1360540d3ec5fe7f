#!/bin/sh
# Runs once inside a unit's root file system while its image is built, as root: programs in, doors shut.
set -eu
stage=/opt/anpr-edge/stage venv=/opt/anpr-edge/venv
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 HOME=/root

kernel=$1
shift

# A system that was not made for us may lack packages; one that was lacks none.
absent=
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || absent="$absent $package"
done
if [ -n "$absent" ]; then
    echo "== packages:$absent"
    apt-get update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $absent
fi

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
# What asks for a password, listens, answers, or changes the system behind the update's back.
for unit in getty@.service serial-getty@.service console-getty.service getty-static.service autovt@.service \
    ssh.service ssh.socket \
    sshd.service sshswitch.service regenerate_ssh_host_keys.service userconfig.service avahi-daemon.service \
    avahi-daemon.socket bluetooth.service hciuart.service rpcbind.service rpcbind.socket cups.service cups.socket \
    ModemManager.service triggerhappy.service triggerhappy.socket cloud-init.target apt-daily.service \
    apt-daily-upgrade.service dphys-swapfile.service rpi-resize.service resize2fs_once.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
rm -f /etc/systemd/system/multi-user.target.wants/*ssh* /etc/systemd/system/getty.target.wants/*

echo '== no password'
if [ -e /usr/sbin/sshd ]; then dpkg --purge --force-depends openssh-server; fi
rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
cut -d: -f1 /etc/shadow | while read -r user; do usermod -p '!*' "$user"; done
rm -f /etc/sudoers.d/010_* /etc/shadow- /etc/passwd- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-

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
