# The other end of SRP-6a: PyPI's srp in its RFC 5054 mode, which we did not write. The ephemeral
# keys are ours to choose, so that numbers with leading zero bytes come up as often as we wish.
#
# Speaks JSON, a line at a time. `client` signs in to our server, `server` lets our client in,
# `vectors` prints what both of its ends computed, the same in every run.
import hashlib
import json
import os
import random
import sys

import srp._pysrp as srp

srp.rfc5054_enable()
# RFC 5054's 3072-bit group, which the package leaves out.
HEX = (
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
    "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
    "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
    "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
    "9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603"
    "9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510"
    "15728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7d"
    "b3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864"
    "d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab31"
    "43db5bfce0fd108e4b82d120a93ad2caffffffffffffffff"
)
N, G, WIDTH = int(HEX, 16), 5, 384
OPTIONS = {"hash_alg": srp.SHA256, "ng_type": srp.NG_CUSTOM, "n_hex": HEX, "g_hex": "5"}
MULTIPLIER = int.from_bytes(srp.H(hashlib.sha256, N, G, width=WIDTH), "big")
# Numbers below this have a leading zero byte.
SHORT = 1 << (8 * (WIDTH - 1))


def say(value):
    print(json.dumps(value), flush=True)


def heard():
    return (json.loads(line) for line in sys.stdin)


def exponent(take):
    """An exponent of as many bits as we use, or of as many as the package does by itself."""
    return int.from_bytes(take(48 if take(1)[0] % 16 else 255), "big")


def key(number):
    """How the package takes an ephemeral key."""
    return number.to_bytes(256, "big")


def short_power(start, offset=0):
    """The next exponent whose power, with an offset, has a leading zero byte."""
    power = pow(G, start, N)
    while (offset + power) % N >= SHORT:
        start, power = start + 1, power * G % N
    return start


def short_shared(name, secret, salt, b_public, start):
    """The next exponent of a client at which the shared number has a leading zero byte."""
    x = srp.gen_x(hashlib.sha256, salt, name, secret)
    base = (b_public - MULTIPLIER * pow(G, x, N)) % N
    a, power = start, pow(G, start, N)
    while True:
        both = power.to_bytes(WIDTH, "big") + b_public.to_bytes(WIDTH, "big")
        u = int.from_bytes(hashlib.sha256(both).digest(), "big")
        if pow(base, a + u * x, N) < SHORT:
            return a
        a, power = a + 1, power * G % N


# Where the search for the vectors begins: where it has ended once, after hundreds of tries.
FOUND = [
    0xe83e9f3c2a7bd0380016127a589845a7cf1fa7a3ca7e8969e77fb55bd1e2d89c,
    0xfc9128ce6bb630c357fe0de257c066ec66df2bc55cf8c5bfe22b2ccd2e449f66,
]


def client_key(wish, take, name, secret, salt, b_public):
    start = int.from_bytes(take(32), "big")
    if wish == "short public":
        return short_power(start)
    if wish == "short shared":
        return short_shared(name, secret, salt, b_public, FOUND.pop(0))
    return exponent(take)


def server_key(wish, take, v):
    if wish == "short public":
            return short_power(int.from_bytes(take(32), "big"), MULTIPLIER * v)
    return exponent(take)


def client():
    name, secret, salt = "py@example.net", os.urandom(32), os.urandom(32)
    verifier = pow(G, srp.gen_x(hashlib.sha256, salt, name, secret), N)
    say({"name": name, "salt": salt.hex(), "verifier": f"{verifier:0768x}"})
    lines = heard()
    for challenge in lines:
        salt, public = (bytes.fromhex(challenge[part]) for part in ("salt", "public"))
        number = int.from_bytes(public, "big")
        a = client_key(challenge["wish"], os.urandom, name, secret, salt, number)
        user = srp.User(name, secret, bytes_a=key(a), **OPTIONS)
        _, mine = user.start_authentication()
        proof = user.process_challenge(salt, public)
        say({"public": mine.hex(), "proof": proof.hex(), "shared": user.S.bit_length()})
        user.verify_session(bytes.fromhex(next(lines)["proof"]))
        say({"genuine": user.authenticated()})


def server():
    lines = heard()
    person = next(lines)
    salt, verifier = (bytes.fromhex(person[part]) for part in ("salt", "verifier"))
    for begun in lines:
        b = server_key(begun["wish"], os.urandom, int.from_bytes(verifier, "big"))
        end = srp.Verifier(person["name"], salt, verifier, bytes_b=key(b), **OPTIONS)
        say({"public": end.get_challenge()[1].hex()})
        answer = next(lines)
        proof = end.verify_session(*(bytes.fromhex(answer[part]) for part in ("proof", "public")))
        say({"proof": proof and proof.hex(), "shared": end.S.bit_length()})


def vectors():
    take = random.Random(5054).randbytes
    name = "ana@example.org"
    wishes = ("any", "short public", "short shared")
    for n, (mine, theirs) in enumerate(
        (mine, theirs) for mine in wishes for theirs in wishes[:2]
    ):
        secret, salt = take(32), bytes(n % 2) + take(32 - n % 2)
        v = pow(G, srp.gen_x(hashlib.sha256, salt, name, secret), N)
        b = server_key(theirs, take, v)
        end = srp.Verifier(name, salt, v.to_bytes(WIDTH, "big"), bytes_b=key(b), **OPTIONS)
        a = client_key(mine, take, name, secret, salt, end.B)
        user = srp.User(name, secret, bytes_a=key(a), **OPTIONS)
        proof = user.process_challenge(salt, srp.long_to_bytes(end.B))
        answer = end.verify_session(proof, srp.long_to_bytes(user.A))
        user.verify_session(answer)
        assert user.authenticated() and end.authenticated()
        say(
            {
                "name": name,
                "secret": secret.hex(),
                "salt": salt.hex(),
                "verifier": f"{v:0768x}",
                "a": srp.long_to_bytes(a).hex(),
                "b": srp.long_to_bytes(b).hex(),
                "client_public": f"{user.A:0768x}",
                "server_public": f"{end.B:0768x}",
                "shared": f"{user.S:0768x}",
                "client_proof": proof.hex(),
                "server_proof": answer.hex(),
            }
        )


{"client": client, "server": server, "vectors": vectors}[sys.argv[1]]()
