# jan/02/1970 00:12:13 by RouterOS 6.49.18
# software id = D3DD-DDD3
#
# model = RB951Ui-2HnD
# serial number = DD444DDDDDD
/interface ethernet
set [ find default-name=ether1 ] advertise=\
    10M-half,10M-full,100M-half,100M-full arp=enabled arp-timeout=auto \
    auto-negotiation=yes bandwidth=unlimited/unlimited disabled=no \
    full-duplex=yes l2mtu=1598 loop-protect=default \
    loop-protect-disable-time=5m loop-protect-send-interval=5s mac-address=\
    02:00:00:00:00:01 mtu=1500 name=ether1 orig-mac-address=02:00:00:00:00:01 \
    rx-flow-control=off speed=100Mbps tx-flow-control=off
/interface wireless security-profiles
set [ find default=yes ] authentication-types="" eap-methods=passthrough \
    group-ciphers=aes-ccm group-key-update=5m interim-update=0s \
    management-protection=disabled management-protection-key="" mode=none \
    mschapv2-password="" name=default supplicant-identity=MikroTik \
    wpa-pre-shared-key="" wpa2-pre-shared-key=""
/ip hotspot user profile
set [ find default=yes ] add-mac-cookie=yes address-list="" idle-timeout=none \
    !insert-queue-before keepalive-timeout=2m name=default !parent-queue
/snmp community
set [ find default=yes ] addresses=::/0 authentication-password="" name=\
    public
/user group
set read name=read policy="local,telnet,ssh,reboot,read,test,winbox,password,w\
    eb,sniff,sensitive,api,romon,tikapp,!ftp,!write,!policy,!dude" skin=\
    default
