# PyPI's hvac, which we did not write, drives the double of OpenBao through the calls that our client
# makes, and through what the documentation says of them.
import base64
import json
import sys

import hvac
from hvac import exceptions as ex

ADDRESS = sys.argv[1]
checked = 0


def b64(text):
    return base64.b64encode(text.encode()).decode()


def check(truth, what):
    global checked
    assert truth, what
    checked += 1


def refused(kind, call, text=""):
    global checked
    try:
        call()
    except kind as error:
        assert text in str(error), f"{error} lacks {text}"
        checked += 1
        return
    raise AssertionError(f"{kind} did not come")


root = hvac.Client(url=ADDRESS, token="s.root")
sys_, transit = root.sys, root.secrets.transit

# Health and seal.
check(sys_.read_health_status(method="HEAD").status_code == 200, "healthy")
check(sys_.read_health_status(method="GET")["initialized"], "initialised")
check(not sys_.is_sealed(), "unsealed")
check(root.is_authenticated(), "let in")
sys_.seal()
check(sys_.is_sealed(), "sealed")
check(sys_.read_health_status(method="HEAD").status_code == 503, "sealed is 503")
check(
    sys_.read_health_status(method="GET", sealed_code=299).status_code == 299,
    "the status can be chosen",
)
refused(ex.VaultDown, lambda: transit.read_key("a"))
sys_.submit_unseal_key("wrong")
check(sys_.is_sealed(), "still sealed")
check(not sys_.submit_unseal_key("unseal me")["sealed"], "unsealed again")

# Keys.
refused(ex.InvalidPath, lambda: transit.list_keys())
refused(ex.InvalidPath, lambda: transit.read_key("a"))
transit.create_key("a")
key = transit.read_key("a")["data"]
check((key["type"], key["latest_version"]) == ("aes256-gcm96", 1), key)
check((key["min_decryption_version"], key["min_encryption_version"]) == (1, 0), key)
check(not key["deletion_allowed"] and not key["exportable"] and not key["derived"], key)
check(transit.list_keys()["data"]["keys"] == ["a"], "listed")

# Sealing, with and without associated data.
one = transit.encrypt_data("a", plaintext=b64("hello"))["data"]["ciphertext"]
check(one.startswith("vault:v1:"), one)
check(transit.decrypt_data("a", ciphertext=one)["data"]["plaintext"] == b64("hello"), "opened")
bound = transit.encrypt_data("a", plaintext=b64("hi"), associated_data=b64("here"))
bound = bound["data"]["ciphertext"]
opened = transit.decrypt_data("a", ciphertext=bound, associated_data=b64("here"))
check(opened["data"]["plaintext"] == b64("hi"), "bound and opened")
refused(ex.InvalidRequest, lambda: transit.decrypt_data("a", ciphertext=bound))
# rewrap does not take associated data: what is bound by it cannot be rewrapped.
refused(ex.InvalidRequest, lambda: transit.rewrap_data("a", ciphertext=bound))
refused(ex.InvalidRequest, lambda: transit.encrypt_data("a", plaintext="not base64!"), "base64")
refused(ex.InvalidRequest, lambda: transit.decrypt_data("a", ciphertext="hello"), "no prefix")
refused(ex.InvalidRequest, lambda: transit.decrypt_data("a", ciphertext="vault:v9:QUJD"), "too new")
refused(ex.InvalidRequest, lambda: transit.decrypt_data("b", ciphertext=one), "not found")

# Derived keys.
transit.create_key("d", derived=True)
refused(ex.InvalidRequest, lambda: transit.encrypt_data("d", plaintext=b64("x")), "context")
two = transit.encrypt_data("d", plaintext=b64("x"), context=b64("t1"))["data"]["ciphertext"]
opened = transit.decrypt_data("d", ciphertext=two, context=b64("t1"))
check(opened["data"]["plaintext"] == b64("x"), "opened in its context")
refused(ex.InvalidRequest, lambda: transit.decrypt_data("d", ciphertext=two, context=b64("t2")))

# Rotation, rewrapping, the least version, trimming.
transit.rotate_key("d")
new = transit.rewrap_data("d", ciphertext=two, context=b64("t1"))["data"]["ciphertext"]
check(new.startswith("vault:v2:"), new)
check(
    transit.decrypt_data("d", ciphertext=two, context=b64("t1"))["data"]["plaintext"] == b64("x"),
    "the old one opens",
)
refused(ex.InvalidRequest, lambda: transit.trim_key("d", min_version=2), "encryption version")
refused(
    ex.InvalidRequest,
    lambda: transit.update_key_configuration("d", min_decryption_version=3),
    "latest key version is 2",
)
# One after the other: hvac does not let both be the same in one call, which OpenBao does.
transit.update_key_configuration("d", min_encryption_version=2)
transit.update_key_configuration("d", min_decryption_version=2)
old = lambda: transit.decrypt_data("d", ciphertext=two, context=b64("t1"))
refused(ex.InvalidRequest, old, "too old")
transit.trim_key("d", min_version=2)
refused(
    ex.InvalidRequest,
    lambda: transit.update_key_configuration("d", min_decryption_version=1),
    "min available version",
)
check(transit.read_key("d")["data"]["min_available_version"] == 2, "trimmed")

# Deleting.
refused(ex.InvalidRequest, lambda: transit.delete_key("d"), "not allowed")
transit.update_key_configuration("d", deletion_allowed=True)
transit.delete_key("d")
refused(ex.InvalidPath, lambda: transit.read_key("d"))

# Policies, tokens, and what a token may not.
sys_.create_or_update_acl_policy("p", 'path "transit/encrypt/a*" { capabilities = ["update"] }')
made = root.auth.token.create(policies=["p"], ttl="60s", explicit_max_ttl="90s")["auth"]
small = hvac.Client(url=ADDRESS, token=made["client_token"])
check(small.auth.token.lookup_self()["data"]["ttl"] in range(50, 61), "a life of a minute")
check(small.auth.token.renew_self()["auth"]["lease_duration"] in range(50, 61), "renewed")
found = small.sys.get_capabilities(["transit/encrypt/ab", "transit/decrypt/a"])
check(found["data"]["transit/encrypt/ab"] == ["update"], found)
check(found["data"]["transit/decrypt/a"] == ["deny"], found)
small.secrets.transit.encrypt_data("a", plaintext=b64("x"))
refused(ex.Forbidden, lambda: small.secrets.transit.decrypt_data("a", ciphertext=one), "denied")
# Without `create` nothing is made by sealing with it.
refused(ex.Forbidden, lambda: small.secrets.transit.encrypt_data("ab", plaintext=b64("x")))
root.secrets.transit.encrypt_data("ab", plaintext=b64("x"))
check(transit.read_key("ab")["data"]["latest_version"] == 1, "with it, it is")
small.auth.token.revoke_self()
refused(ex.Forbidden, lambda: small.auth.token.lookup_self())
nobody = hvac.Client(url=ADDRESS)
refused(ex.InvalidRequest, lambda: nobody.auth.approle.login("none", "none"), "invalid role")
refused(ex.Forbidden, lambda: nobody.secrets.transit.read_key("a"))

print(json.dumps({"checked": checked}), flush=True)
