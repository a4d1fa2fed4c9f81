"""Screenshots as numbers: enough to tell a rendered page from an empty one."""

import struct
import zlib


class Picture:
    """The pixels of a PNG with 8 bits a channel, not interlaced: what Chromium writes."""

    def __init__(self, png):
        self.width, self.height, _, color = struct.unpack(">IIBB", png[16:26])
        channels = {2: 3, 6: 4}[color]
        data, at = b"", 8
        while at < len(png):
            length, kind = struct.unpack(">I4s", png[at:at + 8])
            if kind == b"IDAT":
                data += png[at + 8:at + 8 + length]
            at += 12 + length
        rows = zlib.decompress(data)
        stride = self.width * channels
        above = bytearray(stride)
        self.pixels = []
        for y in range(self.height):
            start = y * (stride + 1)
            row = self.unfilter(rows[start], bytearray(rows[start + 1:start + 1 + stride]), above, channels)
            self.pixels += [tuple(row[x:x + 3]) for x in range(0, stride, channels)]
            above = row

    @staticmethod
    def unfilter(kind, row, above, step):
        for i in range(len(row) if kind else 0):
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            up = above[i]
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            else:
                fit = left + up - corner
                guess = min((left, up, corner), key=lambda value: abs(fit - value))
            row[i] = (row[i] + guess) & 255
        return row

    def brightness(self):
        """The mean of all pixels, 0 to 255."""
        return sum(map(sum, self.pixels)) / (3 * len(self.pixels))

    def colors(self):
        """How many different ones there are."""
        return len(set(self.pixels))

    def drawn(self):
        """The share of pixels that are not of the commonest color."""
        return 1 - max(self.pixels.count(color) for color in set(self.pixels[::7])) / len(self.pixels)
