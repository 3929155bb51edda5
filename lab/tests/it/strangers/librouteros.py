"""Holds devices against librouteros: JSON list of [release, host, api, api-ssl] in argv[1]."""

import json
import ssl
import sys

import librouteros
from librouteros.exceptions import FatalError, TrapError
from librouteros.login import plain, token
from librouteros.query import And, Key, Or


def trap(call, *text):
    """Runs what must be refused, and looks for the words of the refusal."""
    try:
        call()
    except TrapError as error:
        assert any(t in str(error) for t in text), (str(error), text)
        return str(error)
    raise AssertionError(f"no trap, but {text} was due")


def connect(host, port, **more):
    options = {"host": host, "port": port, "username": "admin", "password": "lab", "timeout": 15}
    return librouteros.connect(**(options | more))


def signing_in(release, host, api_port, tls_port):
    bad = ("cannot log in", "invalid user name or password")
    trap(lambda: connect(host, api_port, password="wrong"), *bad)
    # The challenge of releases before 6.43 is gone; what is answered holds no token.
    if release == "6.43.8":
        connect(host, api_port, login_method=token).close()
    else:
        try:
            connect(host, api_port, login_method=token)
            raise AssertionError("the old sign-in worked")
        except (TrapError, StopIteration, RuntimeError):
            pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    api = connect(host, tls_port, ssl_wrapper=context.wrap_socket, login_method=plain)
    assert len(list(api.path("system", "identity"))) == 1
    api.close()


def reading(api, release):
    rows = list(api.path("interface"))
    assert [r["name"] for r in rows][:2] == ["ether1", "ether2"], rows
    assert all(isinstance(r["running"], bool) for r in rows), rows
    name, kind, disabled = Key("name"), Key("type"), Key("disabled")
    some = list(api.path("interface").select(name, kind).where(name == "ether1"))
    assert [set(r) for r in some] == [{"name", "type"}], some
    both = Or(name == "ether1", name == "ether2")
    some = list(api.path("interface").select(name).where(And(both, disabled == False)))  # noqa: E712
    assert [r["name"] for r in some] == ["ether1", "ether2"], some
    some = list(api.path("interface").select(name).where(name.In("ether2", "ether3")))
    assert [r["name"] for r in some] == ["ether2", "ether3"], some
    nothing = list(api.path("interface").select(name).where(name == "nobody"))
    assert nothing == [], nothing
    resource = list(api.path("system", "resource"))
    assert len(resource) == 1 and resource[0]["version"].startswith(release), resource
    assert list(api("/interface/print", **{"count-only": ""}))[0]["ret"] == len(rows)
    identity = list(api("/system/identity/get", **{"value-name": "name"}))
    assert identity[0]["ret"] == list(api.path("system", "identity"))[0]["name"]


def writing(api):
    address = api.path("ip", "address")
    new = address.add(address="10.1.2.3/24", interface="ether2", comment="by a stranger")
    mine = [r for r in address if r[".id"] == new]
    assert mine[0]["network"] == "10.1.2.0" and mine[0]["comment"] == "by a stranger", mine
    address.update(**{".id": new, "disabled": True})
    mine = [r for r in address if r[".id"] == new]
    assert mine[0]["disabled"] is True, mine
    tuple(address("enable", numbers=new))
    tuple(address("unset", **{"numbers": new, "value-name": "comment"}))
    mine = [r for r in address if r[".id"] == new]
    assert mine[0]["disabled"] is False and not mine[0].get("comment"), mine
    address.remove(new)
    assert not [r for r in address if r[".id"] == new]
    rules = api.path("ip", "firewall", "filter")
    order = lambda: [r["comment"] for r in rules if r.get("comment", "").startswith("m")]  # noqa: E731
    ids = [rules.add(chain="forward", action="accept", comment=f"m{n}") for n in range(3)]
    assert order() == ["m0", "m1", "m2"], order()
    tuple(rules("move", numbers=ids[2], destination=ids[0]))
    assert order() == ["m2", "m0", "m1"], order()
    before = rules.add(**{"chain": "forward", "comment": "m3", "place-before": ids[0]})
    assert order() == ["m2", "m3", "m0", "m1"], order()
    rules.remove(*ids, before)
    assert order() == []


def refusals(api):
    address = api.path("ip", "address")
    trap(lambda: address.add(address="10.1.2.3/24", interface="nope"),
         "input does not match any value of interface")
    trap(lambda: address.add(address="nonsense", interface="ether2"), "invalid value")
    trap(lambda: address.add(interface="ether2"), "missing", "invalid value")
    trap(lambda: address.add(address="10.1.2.3/24", interface="ether2", nope="1"),
         "unknown parameter nope")
    trap(lambda: address.remove("*FFFF"), "no such item")
    trap(lambda: list(api.path("ip", "nope")), "no such command")
    trap(lambda: tuple(address("nope")), "no such command")
    first = address.add(address="10.7.7.7/24", interface="ether2")
    trap(lambda: address.add(address="10.7.7.7/24", interface="ether2"),
         "already have such address")
    address.remove(first)
    # The session is as good as before.
    assert len(list(api.path("system", "identity"))) == 1


def listening(api, other, release):
    # librouteros knows no tags, which a device does not need either.
    api.protocol.writeSentence("/ip/address/listen")
    # Commands are taken in order: when this one is answered, the other one listens.
    api.protocol.writeSentence("/system/identity/print")
    while api.readSentence()[0] != "!done":
        pass
    new = other.path("ip", "address").add(address="10.8.8.8/24", interface="ether2")
    word, row = api.readSentence()
    assert word == "!re" and row[".id"] == new, (word, row)
    assert row["address"] == "10.8.8.8/24", row
    other.path("ip", "address").remove(new)
    word, row = api.readSentence()
    assert word == "!re" and row[".id"] == new and row[".dead"] in (True, "yes"), (word, row)
    api.protocol.writeSentence("/cancel")
    seen = [api.readSentence() for _ in range(3)]
    assert sorted(word for word, _ in seen) == ["!done", "!done", "!trap"], seen
    assert [row["message"] for word, row in seen if word == "!trap"] == ["interrupted"], seen
    trap(lambda: tuple(api("/system/resource/listen")), "unknown parameter", "no such command")


def exporting(api, release):
    # Over the API an export goes to a file, and the file is read.
    tuple(api("/export", file="stranger"))
    found = [r for r in api.path("file") if r["name"] == "stranger.rsc"]
    assert len(found) == 1 and found[0]["type"] == "script" and found[0]["size"] > 100, found
    assert f"by RouterOS {release}" in found[0]["contents"], found
    if release.startswith("7.2"):
        piece = list(api("/file/read", file="stranger.rsc", offset="0", **{"chunk-size": "100"}))
        assert len(piece[0]["data"]) == 100, piece
    api.path("file").remove(found[0][".id"])


def streaming(api):
    rows = list(api("/ping", address="127.0.0.1", count="2"))
    assert [r["seq"] for r in rows] == [0, 1], rows
    rows = list(api("/interface/monitor-traffic", interface="ether1", once=""))
    assert rows[0]["name"] == "ether1" and "rx-bits-per-second" in rows[0], rows


for release, host, api_port, tls_port in json.loads(sys.argv[1]):
    signing_in(release, host, api_port, tls_port)
    api, other = connect(host, api_port), connect(host, api_port)
    reading(api, release)
    writing(api)
    refusals(api)
    listening(api, other, release)
    exporting(api, release)
    streaming(api)
    try:
        tuple(other("/quit"))
    except (FatalError, librouteros.exceptions.ConnectionClosed) as error:
        assert "session terminated" in str(error), error
    api.close()
    print(release, "holds")
