"""Serves a model's Production version, also while the registry is away: `python serving_client.py URL MODEL FILE`."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen


def versions(url: str, token: str, model: str, file: Path) -> Iterator[dict[str, Any]]:
    """Yield the last version known to ``file``, then every version that comes into Production. Never ends."""
    etag, pause = "", 1.0
    if file.exists():
        state = json.loads(file.read_text(encoding="utf-8"))
        etag = state["etag"]
        yield state["production"]
    while True:
        headers = {"Authorization": f"Bearer {token}", "If-None-Match": etag}
        request = Request(f"{url}/api/v1/models/{quote(model, safe='')}/production?wait=30", headers=headers)
        try:
            with urlopen(request, timeout=45) as response:
                etag, production, pause = response.headers["ETag"], json.load(response), 1.0
            partial = file.with_suffix(".part")
            partial.write_text(json.dumps({"etag": etag, "production": production}), encoding="utf-8")
            partial.replace(file)
            yield production
        except (OSError, ValueError) as error:
            if isinstance(error, HTTPError) and error.code == 304:  # unchanged
                pause = 1.0
                time.sleep(float(error.headers.get("Retry-After", 0)))
                continue
            print(f"The registry did not answer ({error}); the last version stays.", file=sys.stderr, flush=True)
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 30.0)


if __name__ == "__main__":
    for version in versions(sys.argv[1], os.environ["CUSTODY_TOKEN"], sys.argv[2], Path(sys.argv[3])):
        print(json.dumps(version), flush=True)  # load version["download_uri"] here
