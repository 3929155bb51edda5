# Signs in with PyPI's srp in its RFC 5054 mode: a client that we did not write.
import sys
import srp._pysrp as srp

srp.rfc5054_enable()
# RFC 5054's 3072-bit group, which the package leaves out.
N = (
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
NAME, SECRET = "py@example.net", b"a secret"
OPTIONS = {"hash_alg": srp.SHA256, "ng_type": srp.NG_CUSTOM, "n_hex": N, "g_hex": "5"}


def say(text):
    print(text, flush=True)


salt, verifier = srp.create_salted_verification_key(NAME, SECRET, salt_len=32, **OPTIONS)
say(salt.hex())
say(verifier.hex())
for line in sys.stdin:
    salt, public = (bytes.fromhex(word) for word in line.split())
    user = srp.User(NAME, SECRET, **OPTIONS)
    _, mine = user.start_authentication()
    proof = user.process_challenge(salt, public)
    say(mine.hex())
    say(proof.hex())
    user.verify_session(bytes.fromhex(sys.stdin.readline().strip()))
    say("the server is genuine" if user.authenticated() else "the server is an impostor")
