# Pillow's thumbnail of a photograph to a JPEG of quality 75, as the thumbnailer makes it: from a file, into memory.
import io
import sys
import time

import PIL
from PIL import Image, features

print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, Python {sys.version.split()[0]}", flush=True)
for _ in sys.stdin:
    begin = time.perf_counter()
    with Image.open(sys.argv[1]) as image:
        image.thumbnail((200, 200))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=75)
    print(time.perf_counter() - begin, len(out.getvalue()), flush=True)
