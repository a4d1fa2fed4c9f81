"""What libraries are put to, one use after the other, each on an emptied server; and how that went."""

import traceback


class Uses:
    """Counts the uses that worked, failed and were left out."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, r, use, name):
        """Empties the server of the client `r`, and has `use` use it."""
        try:
            r.flushall()
            use(r)
            print(f"ok   {name}")
            self.passed += 1
        except Exception:
            print(f"FAIL {name}\n    " + traceback.format_exc().replace("\n", "\n    "))
            self.failed += 1

    def skip(self, name, why):
        """Leaves one out."""
        print(f"skip {name}: {why}")
        self.skipped += 1

    def end(self):
        """Prints the sums; returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0
