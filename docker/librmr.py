"""``librmr.py URL SHA256 FOLDER``: fetch O-RAN-SC's published Debian package of librmr and unpack it into a folder.

Anything but the named content ends the build: there is no way round the digest.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

url, digest, folder = sys.argv[1:]
if not re.fullmatch("[0-9a-f]{64}", digest):
    sys.exit(f"RMR_SHA256 is {digest!r}: give the SHA-256 of {url}, or build with --build-arg RMR=stand-in")
with urllib.request.urlopen(url, timeout=60) as answer:
    content = answer.read()
found = hashlib.sha256(content).hexdigest()
if found != digest:
    sys.exit(f"{url} has the SHA-256 {found}, not {digest}")
with tempfile.NamedTemporaryFile(suffix=".deb") as package:
    package.write(content)
    package.flush()
    subprocess.run(["dpkg-deb", "--extract", package.name, folder], check=True)
libraries = sorted(Path(folder).rglob("librmr_si.so*"))
if not libraries:
    sys.exit(f"{url} holds no librmr_si.so")
plain = libraries[0].parent / "librmr_si.so"
if not plain.exists():
    plain.symlink_to(libraries[-1].name)  # the framework loads it by its bare name
