"""Holds devices against netmiko's RouterOS driver: JSON list of [release, host, ssh] in argv[1]."""

import json
import sys

from netmiko import ConnectHandler
from netmiko.exceptions import NetmikoAuthenticationException


def connect(host, port, password="lab"):
    return ConnectHandler(
        device_type="mikrotik_routeros", host=host, port=port, username="admin",
        password=password, use_keys=False, allow_agent=False, conn_timeout=20,
        fast_cli=True, read_timeout_override=30)


for release, host, port in json.loads(sys.argv[1]):
    try:
        connect(host, port, "wrong")
        raise AssertionError("a wrong password is taken")
    except NetmikoAuthenticationException:
        pass
    shell = connect(host, port)
    name = shell.find_prompt()
    assert name.startswith("[admin@") and name.endswith("] >"), name
    shown = shell.send_command("/system resource print")
    assert f"version: {release}" in shown, shown
    # Longer than any screen: a terminal of 4098 lines does not page.
    for n in range(40):
        line = f"/ip firewall address-list add list=l address=10.5.0.{n} comment=c{n}"
        assert shell.send_command(line).strip() == "", line
    shown = shell.send_command("/ip firewall address-list print")
    assert "10.5.0.0" in shown and "10.5.0.39" in shown and "Q quit" not in shown, shown
    export = shell.send_command("/export")
    assert f"by RouterOS {release}" in export and "add address=10.5.0.7 comment=c7 list=l" in export
    said = shell.send_command("/ip address add address=10.1.2.3/24 interface=nope")
    assert "input does not match any value of interface" in said, said
    said = shell.send_command("/nonsense print")
    assert "bad command name" in said, said
    shell.send_config_set([
        "/ip address add address=10.1.2.3/24 interface=ether2",
        "/system note set note=kept",
    ])
    assert "10.1.2.3/24" in shell.send_command("/ip address print")
    said = shell.send_command(":put [/system identity get name]")
    assert said.strip() == name[len("[admin@"):-len("] >")], said
    shell.disconnect()
    print(release, "holds")
