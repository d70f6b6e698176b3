"""One process of fuzzing: one reader, guided by coverage (atheris, libFuzzer).

``python -m fuzzing.child READER SECONDS WORK``; what breaks the reader is put into WORK/broken.
"""

import hashlib
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

SMALLEST_MEMORY = 6 * 2**30
"""Bytes of address space; PyTorch's libraries alone map more than one of these gigabytes."""
RESIDENT = 3072
"""Megabytes that the process may really hold."""
GROWTH = 1000
"""Megabytes that one input may add to it; a picture of 64 megapixels takes most of them."""
LONGEST = 60_000

with atheris.instrument_imports(include=["blurnet", "yaml", "PIL"]):
    from fuzzing.holds import Broken, holds
    from fuzzing.mutation import STRUCTURES
    from fuzzing.readers import READERS, corpus


def peak() -> int:
    """Give the most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Fuzz one reader for so many seconds of the processor."""
    name, seconds, work = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    reader = READERS[name]
    broken, kept = work / "broken", work / "corpus"
    for folder in (broken, kept):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in (corpus() / name).iterdir():
        shutil.copy(seed, kept / hashlib.sha1(seed.read_bytes()).hexdigest())
    resource.setrlimit(resource.RLIMIT_AS, (SMALLEST_MEMORY, SMALLEST_MEMORY))
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    seen: set[str] = set()
    executed = 0

    def one(content: bytes) -> None:
        nonlocal executed
        executed += 1
        if time.process_time() > seconds:
            print(f"number_of_executed_units: {executed}", file=sys.stderr, flush=True)
            shutil.rmtree(place, ignore_errors=True)
            os._exit(0)
        try:
            before = peak()
            holds(reader.read, place, content)
            if peak() > before + GROWTH:
                raise Broken(f"it took {peak() - before} MiB of memory")  # noqa: TRY301
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [each for each in frames if "/blurnet/" in each.filename] or frames
            where = f"{type(error).__name__} {Path(ours[-1].filename).name}:{ours[-1].lineno}"
            if where not in seen:
                seen.add(where)
                digest = hashlib.sha1(content).hexdigest()[:12]
                (broken / digest).write_bytes(content)
                (broken / f"{digest}.txt").write_text(
                    f"{where}\n{''.join(traceback.format_exception(error)[-6:])}"
                )
                print(f"BROKEN {name} {digest} {where}: {str(error)[:200]!r}", flush=True)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()

    mutate = STRUCTURES[reader.structure]

    def change(content: bytes, most: int, seed: int) -> bytes:
        luck = random.Random(seed)

        def plainly(inner: bytes) -> bytes:
            return bytes(atheris.Mutate(inner, max(len(inner) + 64, 64)))

        if luck.random() < 0.25:
            return plainly(content)[:most]
        return mutate(content, luck, plainly)[:most]

    options = [
        sys.argv[0],
        f"-max_total_time={20 * seconds}",  # of the clock; other processes may be busy
        f"-max_len={LONGEST}",
        f"-rss_limit_mb={RESIDENT}",
        "-timeout=60",
        "-report_slow_units=60",
        "-print_final_stats=1",
        "-verbosity=1",
        f"-artifact_prefix={broken}/",
        f"-seed={os.environ.get('BLURNET_FUZZ_SEED', '1')}",
        str(kept),
    ]
    atheris.Setup(options, one, custom_mutator=change, internal_libfuzzer=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
