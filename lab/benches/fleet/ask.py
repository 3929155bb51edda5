"""Signs in to each device of argv[1], reads its identity, and prints the milliseconds it took."""

import json
import sys
import time

import librouteros

times = []
for host, port, name in json.loads(sys.argv[1]):
    begun = time.perf_counter()
    api = librouteros.connect(host=host, port=port, username="admin", password="lab")
    rows = list(api.path("system", "identity"))
    times.append((time.perf_counter() - begun) * 1000)
    assert rows[0]["name"] == name, rows
    api.close()
print(json.dumps(times))
