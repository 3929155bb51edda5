# A telephone that we did not write: ZXing reads the QR code on a screen, pyotp makes the codes of it.
import json
import sys

import pyotp
import zxingcpp
from PIL import Image

SCALE = 6
# A character of the screen is two modules, one above the other: whether each is light.
HALVES = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}


def picture(screen):
    rows = [row for row in screen.split("\n") if set(row) <= set(HALVES) and "█" in row]
    width = max(len(row) for row in rows)
    image = Image.new("L", (width, len(rows) * 2), 0)
    for y, row in enumerate(rows):
        for x, char in enumerate(row):
            for half, light in enumerate(HALVES[char]):
                image.putpixel((x, y * 2 + half), 255 if light else 0)
    return image.resize((image.width * SCALE, image.height * SCALE), Image.NEAREST)


for line in sys.stdin:
    asked = json.loads(line)
    if "screen" in asked:
        # Lines of text look like other kinds of code now and then.
        only = zxingcpp.BarcodeFormat.QRCode
        codes = zxingcpp.read_barcodes(picture(asked["screen"]), formats=only)
        print(json.dumps([code.text for code in codes]), flush=True)
    else:
        totp = pyotp.parse_uri(asked["uri"])
        print(json.dumps([totp.at(at) for at in asked["at"]]), flush=True)
