# sep/25/2018 10:10:52 by RouterOS 6.42.5
# software id = B1BB-BBB1
#
# model = RouterBOARD 941-2nD
# serial number = BB222BBBBBB
/interface bridge add fast-forward=no name=bridge1 protocol-mode=none
/interface wireless set [ find default-name=wlan1 ] band=2ghz-b/g/n basic-rates-a/g=6Mbps country=latvia disabled=no frequency=2447 mode=ap-bridge ssid="two words"
/interface wireless security-profiles set [ find default=yes ] authentication-types=wpa2-psk mode=dynamic-keys supplicant-identity=MikroTik
/ip address add address=10.1.0.1/24 interface=bridge1 network=10.1.0.0
/ip route add distance=1 gateway=10.1.0.254
/ip service set api-ssl certificate=none
/port set 0 name=serial0
/system ntp client set enabled=yes primary-ntp=192.0.2.1
/system script add name=hello owner=admin policy=read,write source=":foreach i in=[/interface find] do={\r\
    \n :put [/interface get \$i name]\r\
    \n}"
/tool netwatch add comment=gateway down-script="/log error message=\"down\"" host=10.1.0.254
