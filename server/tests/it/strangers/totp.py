# An authenticator that we did not write: PyPI's pyotp. Prints the code of a secret at each moment.
import json
import sys

import pyotp

for line in sys.stdin:
    asked = json.loads(line)
    totp = pyotp.TOTP(asked["secret"])
    print(json.dumps({"code": totp.at(asked["at"])}), flush=True)
