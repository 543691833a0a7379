"""What tagging costs and how well it does: speed, latency, kinds, loading time, and macro-F1 on real texts.

Run: `python -m bench.tagging`. Timings are CPU time of one process with one thread and are given beside a
yardstick (normalising the same text with `unicodedata`), because machines differ and ratios travel better.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from classify.corpus import load_corpus, load_labelled
from classify.evaluate import evaluate
from classify.kinds import kind_of
from classify.train import train

DEV = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "labels" / "dev.jsonl"
PAGES = DEV.parents[1] / "pages"
CHARACTERS = 1_500


def documents(count: int) -> list[tuple[str | None, str]]:
    """Documents of `CHARACTERS` characters, glued from the authored corpus."""
    items = [item for item in load_corpus() if item.language == "zh"]
    texts: list[tuple[str | None, str]] = []
    at = 0
    while len(texts) < count:
        parts: list[str] = []
        while sum(map(len, parts)) < CHARACTERS:
            parts.append(items[at % len(items)].text)
            at += 1
        texts.append((None, "\n".join(parts)[:CHARACTERS]))
    return texts


def _headed(text: str) -> tuple[str, str]:
    """The first line as the title, and the rest."""
    title, _, rest = text.partition("\n")
    return title, rest


def milliseconds(one: Callable[[str], object], texts: Sequence[str]) -> float:
    """CPU time of a call on one text, after a warming pass; the best of three passes over all texts."""
    times = []
    for _ in range(4):
        start = time.process_time()
        for text in texts:
            one(text)
        times.append(time.process_time() - start)
    return 1000 * min(times[1:]) / len(texts)


def main() -> None:
    items = load_corpus()
    start = time.process_time()
    tagger = train(items)
    print(f"training            {time.process_time() - start:8.1f} s CPU for {len(items)} texts")

    docs = documents(400)
    start = time.process_time()
    for _, text in docs * 20:
        unicodedata.normalize("NFKC", text)
    yardstick = (time.process_time() - start) / (20 * len(docs))

    start = time.process_time()
    tagger.tag_many(docs)
    each = (time.process_time() - start) / len(docs)
    print(f"bulk                {1 / each:8.0f} documents/s/core of {CHARACTERS} characters")
    print(
        f"                    {1000 * each:8.2f} ms each, {each / yardstick:.0f} times NFKC of the same text"
    )

    latencies = []
    for doc in docs[:200]:
        start = time.process_time()
        tagger.tag(*doc)
        latencies.append(time.process_time() - start)
    latencies.sort()
    median, high = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.95)]
    print(f"single              {1000 * median:8.2f} ms median, {1000 * high:.2f} ms at the 95th percentile")
    print(f"                    {median / each:8.2f} times bulk")

    texts = [path.read_text("utf-8") for path in sorted(PAGES.glob("*.txt"))]
    what = f"{len(texts)} real texts" if texts else f"{CHARACTERS} characters"
    cost = milliseconds(lambda text: kind_of(*_headed(text)), texts or [text for _, text in docs])
    print(f"kind and level      {cost:8.3f} ms each on {what}")

    with tempfile.TemporaryDirectory() as folder:
        saved = tagger.save(Path(folder))
        code = (
            "import sys, time; start = time.process_time(); from pathlib import Path; "
            "from classify.model import Tagger; Tagger.load(Path(sys.argv[1])); "
            "print(time.process_time() - start)"
        )
        root = Path(__file__).resolve().parents[1]
        answer = subprocess.run(
            [sys.executable, "-c", code, str(saved)], cwd=root, capture_output=True, text=True, check=True
        )
        size = sum(file.stat().st_size for file in saved.iterdir())
    seconds, megabytes = float(answer.stdout), size / 1e6
    print(f"loading             {seconds:8.2f} s CPU in a fresh process, {megabytes:.1f} MB on disk")

    print(f"held-out macro-F1   {tagger.card['held_out_macro_f1']:8.3f} on the authored corpus")
    if DEV.exists():
        print()
        print(evaluate(tagger, load_labelled(DEV)).render())
    else:
        print("no labelled development file beside the repository; macro-F1 on real texts not measured")


if __name__ == "__main__":
    main()
