"""Fetches the source archives that sdists.txt lists from the index that pip uses, and unpacks them into a folder: sdists.py LIST FOLDER.

pip itself would build them first, with all that it takes to build them.
"""
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request
from pathlib import Path


def index():
    for name in ("global.index-url", "install.index-url"):
        pip = [sys.executable, "-m", "pip", "config", "get", name]
        found = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if found.returncode == 0:
            return found.stdout.strip()
    return "https://pypi.org/simple"


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), answer.geturl()


def main(list_, folder):
    for name, version, digest in re.findall(r"^([\w.-]+)==(\S+) --hash=sha256:(\w+)$", Path(list_).read_text(), re.M):
        page, at = fetch(f"{index().rstrip('/')}/{name}/")
        link = re.search(rf'href="([^"]*/{name.replace("-", "[-_]")}-{re.escape(version)}\.tar\.gz[^"]*)"', page.decode())
        if link is None:
            raise SystemExit(f"{name} {version}: no source archive in the index")
        data, _ = fetch(urllib.parse.urljoin(at, link.group(1)))
        if hashlib.sha256(data).hexdigest() != digest:
            raise SystemExit(f"{name} {version}: not the archive that is listed")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))


main(*sys.argv[1:])
