#!/bin/sh
# Runs inside a unit's root file system while its image is built, as root: what could let somebody in is shut.
set -eu

# What asks for a password, listens, answers, or changes the system behind the update's back.
for unit in getty@.service serial-getty@.service console-getty.service getty-static.service autovt@.service \
    ssh.service ssh.socket sshd.service sshswitch.service regenerate_ssh_host_keys.service \
    userconfig.service cloud-init.target cloud-init-local.service cloud-init-main.service cloud-config.service \
    cloud-final.service custom-setup.service run_once.service apply_noobs_os_config.service rpi-resize.service \
    resize2fs_once.service \
    avahi-daemon.service avahi-daemon.socket bluetooth.service hciuart.service rpcbind.service rpcbind.socket \
    rpc-statd.service rpc-statd-notify.service nfs-client.target cups.service cups.socket triggerhappy.service \
    triggerhappy.socket NetworkManager.service NetworkManager-wait-online.service ModemManager.service \
    wpa_supplicant.service dhcpcd.service wifi-country.service \
    dphys-swapfile.service rpi-eeprom-update.service apt-daily.service apt-daily-upgrade.service \
    logrotate.timer cron.service fake-hwclock.service alsa-restore.service alsa-state.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
rm -f /etc/systemd/system/multi-user.target.wants/*ssh* /etc/systemd/system/getty.target.wants/*

echo '== no password'
if [ -e /usr/sbin/sshd ]; then dpkg --purge --force-depends openssh-server; fi
rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
cut -d: -f1 /etc/shadow | while read -r user; do usermod -p '!*' "$user"; done
rm -f /etc/sudoers.d/010_* /etc/shadow- /etc/passwd- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
