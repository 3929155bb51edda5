# 2026-03-01 04:05:06 by RouterOS 7.20.8
# software id = C2CC-CCC2
#
# model = CCR2004-16G-2S+
# serial number = CC333CCCCCC
/interface bridge
add name=loopback
/interface ethernet
# poe-out status: voltage_on_poe-in
set [ find default-name=ether1 ] comment="uplink to \"north\", 100% of it" \
    poe-out=off
set [ find default-name=ether2 ] name="ether2 - east"
/interface wireguard
# Interface not running
add listen-port=13231 mtu=1420 name=wg-tod
/interface wifi
# managed by CAPsMAN
set [ find default-name=wifi1 ] channel.frequency=5180-5320 .width=\
    20/40/80mhz configuration.country=Latvia .mode=ap .ssid=tower disabled=no \
    security.authentication-types=wpa2-psk,wpa3-psk .ft=yes .ft-over-ds=yes
/interface list
add name=WAN
add exclude=dynamic name=LAN
/ip ipsec profile
set [ find default=yes ] dpd-interval=2m dpd-maximum-failures=5
/ip pool
add name=dhcp ranges=10.20.0.10-10.20.0.99,10.20.0.110-10.20.0.199
/port
set 0 name=serial0
/ppp profile
set *0 use-encryption=yes
set *FFFFFFFE local-address=10.20.0.1
/queue type
add kind=pcq name=each pcq-classifier=dst-address
/ip address
add address=10.20.0.1/24 comment="office; all of it" interface=\
    "ether2 - east" network=10.20.0.0
add address=192.0.2.2 interface=loopback network=192.0.2.2
/ip dhcp-client
# Interface not active
add interface=ether1
/ip firewall filter
add action=accept chain=input connection-state=established,related,untracked
# in/out-interface matcher not possible when interface (ether2) is slave - use master instead (loopback)
add action=accept chain=input comment="what people may reach: \C4\BB\?\$" \
    dst-port=22,8291 in-interface-list=LAN protocol=tcp
add action=drop chain=input in-interface-list=!LAN
/ip firewall nat
add action=masquerade chain=srcnat out-interface-list=WAN
/ip route
add disabled=no dst-address=0.0.0.0/0 gateway=192.0.2.1%ether1 pref-src="" \
    routing-table=main suppress-hw-offload=no
/ip service
set telnet disabled=yes
set www address=10.0.0.0/8 port=8080
/routing ospf interface-template
add area=backbone auth=sha256 !auth-id cost=10 disabled=no interfaces=\
    "ether2 - east" type=ptp
/system logging
set 0 topics=info,!dhcp
add action=remote topics=critical
/system scheduler
add interval=1d name=nightly on-event=":log info \"a long line that does not f\
    it the paper, with \\\\ and \\\" in it\"" policy=read,write start-date=\
    2026-01-01 start-time=03:00:00
/system script
add dont-require-permissions=no name=hello owner=admin policy=read source=":fo\
    reach i in=[/interface find] do={\r\
    \n    :put [/interface get \$i name]\r\
    \n}"
