# Python's zipfile over a tree, deflate level 6, as the compression does it: files copied to scratch, zipped there.
import os
import shutil
import sys
import tempfile
import time
import zipfile
import zlib

print(f"Python {sys.version.split()[0]}, zlib {zlib.ZLIB_RUNTIME_VERSION}", flush=True)
for _ in sys.stdin:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        shutil.copytree(sys.argv[1], tree)
        archive = os.path.join(scratch, "archive.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
            for folder, folders, files in os.walk(tree):
                folders.sort()
                for name in sorted(files):
                    path = os.path.join(folder, name)
                    out.write(path, os.path.relpath(path, tree))
        size = os.path.getsize(archive)
    print(time.perf_counter() - begin, size, flush=True)
