"""Polls as `main.rs` does, and prints polls per second of CPU time."""

import sys
import time

import librouteros

MENUS = [
    "/system/resource/print",
    "/system/routerboard/print",
    "/interface/print",
    "/system/health/print",
    "/interface/wifi/registration-table/print",
]
POLLS = 60


def poll(api):
    rows = [row for menu in MENUS for row in api(menu)]
    assert len(rows) == 37, len(rows)


api = librouteros.connect(host="127.0.0.1", port=int(sys.argv[1]), username="admin", password="")
for _ in range(5):
    poll(api)
begun = time.process_time()
for _ in range(POLLS):
    poll(api)
print(POLLS / (time.process_time() - begun))
