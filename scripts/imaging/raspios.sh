#!/bin/sh
# Runs inside a Raspberry Pi OS while a unit's image is made of it, as root: what a unit needs comes, what it does not goes.
#   raspios.sh PACKAGE…   the packages that have to be there
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# Answers the network, asks who is there, swaps, writes into the system, or is for radios that are switched off.
doors="openssh-server openssh-sftp-server avahi-daemon rpcbind nfs-common cups cups-daemon exim4-base samba wayvnc
    realvnc-vnc-server dnsmasq-base dnsmasq hostapd"
wizards="userconf-pi piwiz cloud-init rpi-cloud-init-mods rpi-connect rpi-connect-lite"
swap="dphys-swapfile rpi-swap systemd-zram-generator zram-tools"
network="network-manager netplan.io modemmanager ppp wpasupplicant dhcpcd dhcpcd5 dhcpcd-base isc-dhcp-client
    ifupdown raspberrypi-net-mods"
radios="bluez pi-bluetooth firmware-atheros firmware-brcm80211 firmware-libertas firmware-mediatek firmware-realtek
    firmware-misc-nonfree"
writers="cron rpi-update fake-hwclock apt-listchanges unattended-upgrades triggerhappy udisks2 rsyslog man-db"
# What a unit does not need and a slot has no room for.
large="build-essential gcc g++ gdb dpkg-dev pkg-config pkgconf manpages manpages-dev python3-dev luajit ntfs-3g
    rpicam-apps-lite libcamera-tools vim-common"
# Without these it would be no Raspberry Pi's system any more.
kept='linux-image-[^ ]*|raspi-firmware|raspberrypi-sys-mods|udev|systemd|python3'

there() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# An initramfs is the image's own, beside its kernel: none is made here, where /boot/firmware is not mounted.
if [ -e /etc/initramfs-tools/update-initramfs.conf ]; then
    sed -i 's/^update_initramfs=.*/update_initramfs=no/' /etc/initramfs-tools/update-initramfs.conf
fi

absent=
for package in "$@"; do there "$package" || absent="$absent $package"; done
if [ -n "$absent" ]; then
    echo "== packages that come:$absent"
    apt-get update
    # shellcheck disable=SC2086
    INITRD=No apt-get install --yes --no-install-recommends $absent
fi
if [ $# -gt 0 ]; then apt-mark manual "$@" >/dev/null; fi

for needed in "$@"; do kept="$kept|$needed"; done
# taken PACKAGE…: what has to stay of what would go along with these, if anything.
taken() { apt-get --simulate --autoremove purge "$@" | grep -E "^Purg ($kept) " | cut -d' ' -f2 | tr '\n' ' '; }

goes=
headers=$(dpkg-query -W -f '${Package}\n' 'linux-headers-*' 2>/dev/null || true)
for package in $doors $wizards $swap $network $radios $writers $large $headers; do
    if there "$package"; then goes="$goes $package"; fi
done
# shellcheck disable=SC2086
if [ -n "$(taken $goes)" ]; then
    candidates=$goes goes=
    for package in $candidates; do
        held=$(taken "$package")
        if [ -z "$held" ]; then goes="$goes $package"; else echo "== stays, for it is needed: $package ($held)"; fi
    done
fi
if [ -n "$goes" ]; then
    echo "== packages that go:$goes"
    # shellcheck disable=SC2086
    apt-get purge --yes --autoremove $goes
fi

echo '== people'
while IFS=: read -r user _ number _; do
    if [ "$number" -ge 1000 ] && [ "$number" -lt 60000 ]; then
        userdel --force --remove "$user" 2>/dev/null || userdel --force "$user"
    fi
done </etc/passwd
rm -f /etc/sudoers.d/010_* /etc/ssh/sshd_config.d/rename_user.conf
rm -rf /etc/systemd/system/getty@tty1.service.d /etc/NetworkManager /etc/wpa_supplicant /var/lib/bluetooth

echo '== room'
rm -f /var/swap
rm -rf /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian/* /usr/share/doc-base/* /usr/share/bug/*
if [ -d /usr/share/doc ]; then
    find /usr/share/doc ! -type d ! -name copyright -delete
    find /usr/share/doc -mindepth 1 -type d -empty -delete
fi
