# 2025-03-10 15:04:33 by RouterOS 7.18.2
# software id = A0AA-AAA0
#
# model = L009UiGS
# serial number = AA111AAAAAA
/interface bridge
add admin-mac=00:00:5E:00:53:00 auto-mac=no comment=defconf name=bridge \
    port-cost-mode=short
/interface wireguard
add comment="tunnel to the office" listen-port=13231 mtu=1420 name=wg-office
/interface vlan
# Interface not active
add interface=bridge name=guests vlan-id=20
add comment=\
    "cameras, doors and everything else that nobody should ever reach" \
    interface=bridge name=things vlan-id=30
/interface list
add comment=defconf name=WAN
add comment=defconf name=LAN
/interface wifi
set [ find default-name=wifi1 ] channel.band=5ghz-ax .skip-dfs-channels=\
    10min-cac configuration.country=Latvia .mode=ap .ssid="Caf\E9 \?" \
    disabled=no security.authentication-types=wpa2-psk,wpa3-psk .ft=yes \
    .ft-over-ds=yes
/ip pool
add name=default-dhcp ranges=192.168.88.10-192.168.88.254
/ip dhcp-server
add address-pool=default-dhcp interface=bridge lease-script=":if (\$leaseBound\
    \_= 1) do={\r\
    \n  :log info \"bound \$leaseActIP to \$leaseActMAC\"\r\
    \n} else={\r\
    \n  :log info \"released \$leaseActIP\"\r\
    \n}" lease-time=10m name=defconf
/interface bridge port
add bridge=bridge comment=defconf interface=ether2
add bridge=bridge comment=defconf interface=ether3
/interface list member
add comment=defconf interface=bridge list=LAN
add comment=defconf interface=ether1 list=WAN
/ip address
add address=192.168.88.1/24 comment=defconf interface=bridge network=\
    192.168.88.0
/ip dhcp-client
add comment=defconf interface=ether1
/ip firewall filter
add action=accept chain=input comment=\
    "defconf: accept established,related,untracked" connection-state=\
    established,related,untracked
add action=drop chain=input comment="defconf: drop invalid" connection-state=\
    invalid
add action=accept chain=input comment="defconf: accept ICMP" protocol=icmp
add action=drop chain=input comment="defconf: drop all not coming from LAN" \
    in-interface-list=!LAN
/ip firewall nat
add action=masquerade chain=srcnat comment="defconf: masquerade" \
    ipsec-policy=out,none out-interface-list=WAN
/ip service
set telnet disabled=yes
set api address=192.168.88.0/24,10.66.0.0/16
/system clock
set time-zone-name=Europe/Riga
/system identity
set name=office
/system scheduler
add interval=1d name=nightly on-event=\
    "/system backup save name=nightly dont-encrypt=yes" policy=\
    ftp,read,write,policy,test start-date=2025-01-01 start-time=03:00:00
