"""Holds devices without certificate against librouteros and OpenSSL: [release, host, port]."""

import json
import ssl
import sys

import librouteros

for release, host, port in json.loads(sys.argv[1]):
    # As librouteros tells its users to: no certificate, no name, no security.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ADH:@SECLEVEL=0")
    seen = []

    def wrap(sock):
        tls = context.wrap_socket(sock)
        seen.append(tls)
        return tls

    api = librouteros.connect(host=host, port=port, username="admin", password="lab",
                              ssl_wrapper=wrap)
    assert list(api.path("system", "resource"))[0]["version"].startswith(release)
    assert seen[0].cipher()[0].startswith("ADH-AES"), seen[0].cipher()
    assert seen[0].version() == "TLSv1.2" and not seen[0].getpeercert(True), seen[0].version()
    api.close()
    # Who asks for a certificate gets none, and no handshake.
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    strict.check_hostname = False
    strict.verify_mode = ssl.CERT_NONE
    try:
        librouteros.connect(host=host, port=port, username="admin", password="lab",
                            ssl_wrapper=strict.wrap_socket)
        raise AssertionError("a handshake without common ciphers")
    except (ssl.SSLError, OSError):
        pass
    print(release, "holds")
