"""Serves the demo site until interrupted: `python -m demo`. Prints the catalogue with which to crawl it."""

from __future__ import annotations

import sys
import threading

from demo.server import DemoSite


def main() -> None:
    """Serve on the preferred ports; the catalogue goes to standard output, the rest to standard error."""
    with DemoSite.preferred() as site:
        sys.stdout.write(site.catalogue())
        sys.stdout.flush()
        sys.stderr.write(f"serving, first outlet at {site.url('sz')}/ (Ctrl-C ends)\n")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")


if __name__ == "__main__":
    main()
