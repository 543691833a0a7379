"""The demo: the bundled site is started on loopback, crawled on two days like any site, and compared."""

from __future__ import annotations

import http.server
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from hexapolis.cli.output import note
from hexapolis.errors import HexapolisError, UsageError

MARK = ".hexapolis-demo"


def run_demo(data: Path, config: Path | None, *, db: str | None, serve: bool, port: int) -> None:
    """Run the demo in a fresh store.

    Args:
        data: the folder for everything it makes.
        config: the settings file that the user named.
        db: a database that the user named, which has to be empty; else it makes one in the folder.
        serve: serve the report until stopped.
        port: of the report.

    Raises:
        UsageError: the folder or the database holds something that is not a demo's.
        HexapolisError: a step failed; it has said why.
    """
    if db:
        _must_be_empty(db)
    _fresh(data)
    options = ["--data", str(data), "--db", db or f"sqlite:///{(data / 'hexapolis.db').as_posix()}"]
    if config:
        options += ["--config", str(config)]
    from demo.server import DemoSite

    with DemoSite.preferred() as site:
        catalogue = data / "catalogue.yaml"
        catalogue.write_text(site.catalogue(), encoding="utf-8")
        _say("The first day: everything is new")
        _hexapolis(options, "crawl", "--catalogue", str(catalogue), "--trigger", "demo")
        site.advance()
        _say("The second day: one article is edited, one is new; nothing else is fetched again")
        _hexapolis(options, "crawl", "--catalogue", str(catalogue), "--trigger", "demo")
        _say("Coverage: cities and dimensions beside the plan")
        _hexapolis(options, "coverage")
        report = data / "report.html"
        with report.open("w", encoding="utf-8") as file:
            _hexapolis(options, "coverage", "--format", "html", output=file)
        named = f" --db {shlex.quote(db)}" if db else ""
        typer.echo(f"\nIt is all in {data}; try: hexapolis --data {data}{named} articles --city Shenzhen")
        if serve:
            _serve(report, port)
        else:
            typer.echo(f"The report is in {report}")


def _must_be_empty(db: str) -> None:
    from store.engine import Store
    from store.runs import has_sources

    store = Store.open(db)
    try:
        with store.read() as connection:
            if has_sources(connection):
                raise UsageError("the database that --db names is not empty; give the demo an empty one")
    finally:
        store.close()


def _fresh(data: Path) -> None:
    """Empty a demo's folder, keeping its models; never touch a folder that is not a demo's."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        if any(data.iterdir()) and not (data / MARK).exists():
            raise UsageError(f"{data}: not empty and not made by the demo; choose another folder with --data")
        (data / MARK).touch()
    except OSError as error:
        raise UsageError(
            f"{data}: cannot be used: {error.strerror}; choose another folder with --data"
        ) from error
    for path in data.iterdir():
        if path.name.startswith("hexapolis.db"):
            path.unlink()
    shutil.rmtree(data / "archive", ignore_errors=True)


def _say(line: str) -> None:
    typer.echo(f"\n{line}\n")
    sys.stdout.flush()


def _hexapolis(options: list[str], *words: str, output: object = None) -> None:
    """Run one command as a user would; each crawl needs a process of its own."""
    done = subprocess.run([sys.executable, "-m", "hexapolis", *options, *words], stdout=output, check=False)  # type: ignore[call-overload]
    if done.returncode:
        raise HexapolisError(f"`hexapolis {words[0]}` ended with {done.returncode}")


def _serve(report: Path, port: int) -> None:
    page = report.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.split("?")[0] in ("/", "/index.html")
            body = page if found else b"Not found\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8" if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError:
        note(f"port {port} is taken; using another one")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with server:
        typer.echo(f"\nOpen http://127.0.0.1:{server.server_port}/ in a browser; stop with Ctrl-C.")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            note("")
