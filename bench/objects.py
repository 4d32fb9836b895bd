"""A large object from a store and back to it: the time, and the memory of the worker.

A job reads the object into a temporary file, stores it as a file of the job, and has a target in
the store. So its bytes go through the worker four times: from the store, into MongoDB, out of
MongoDB, to the store. The worker's peak is ``VmHWM``, which the kernel records.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from harness import results
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say
from object_handlers import NAME

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.servers.s3_server import S3Server

BUCKET = "objects"
BLOCK = 2**20
PROC = Path("/proc")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--mb", type=int, nargs="+", default=[16, 1024], help="sizes, in MiB")


def measure(options: argparse.Namespace) -> Record:
    """Copy an object of each size."""
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as name:
        folder = Path(name)
        with S3Server(folder) as server:
            server.make_bucket(BUCKET)
            settings = {
                "worker.handler_modules": ["object_handlers"],
                "s3.connections": {"local": server.connection(BUCKET)},
                "files.max_upload_mb": max(options.mb) + 1,
            }
            records = [_copy(server, folder, mb, settings, options.lock) for mb in options.mb]
    return {"records": records}


def _copy(
    server: S3Server, folder: Path, mb: int, settings: dict[str, Any], lock: Path | None
) -> Record:
    sha256 = _put(server, folder / "object.bin", mb)
    with running(lambda place: Secretary(place, settings=settings), lock=lock) as system:
        (worker,) = system.processes()["worker"]
        rest_mb = _memory_mb(worker, "VmRSS")
        with system.job_client() as client:
            job = _run(client)
        peak_mb = _memory_mb(worker, "VmHWM")
    if job["results"]["sha256"] != sha256 or _stored_sha256(server, job["job_id"]) != sha256:
        raise RuntimeError("the object has changed on its way")
    started, ended = (
        datetime.fromisoformat(job[key]) for key in ("processing_started_at", "completed_at")
    )
    seconds = (ended - started).total_seconds()
    say(f"{mb} MiB  {seconds:.1f} s  worker {rest_mb:.0f} MB at rest, {peak_mb:.0f} MB at most")
    return {"mb": mb, "seconds": seconds, "rest_mb": rest_mb, "peak_mb": peak_mb}


def _run(client: JobClient) -> dict[str, Any]:
    parameters = {"url": f"s3://{BUCKET}/object.bin"}
    job_id = client.submit("copy_object", parameters, target=f"s3://{BUCKET}/out/")
    job: dict[str, Any] = client.wait(job_id, timeout_sec=600)
    if job["status"] != "completed":
        raise RuntimeError(str(job["error"]))
    return job


def _put(server: S3Server, path: Path, mb: int) -> str:
    """Store an object of random bytes; return its SHA-256."""
    block, found = bytearray(os.urandom(BLOCK)), hashlib.sha256()
    with path.open("w+b") as file:
        for number in range(mb):
            block[:8] = number.to_bytes(8, "big")
            found.update(block)
            file.write(block)
        file.seek(0)
        _send(server, file)
    path.unlink()
    return found.hexdigest()


def _send(server: S3Server, file: BinaryIO) -> None:
    client = server.client()
    try:
        client.upload_fileobj(file, BUCKET, "object.bin")
    finally:
        client.close()


def _stored_sha256(server: S3Server, job_id: str) -> str:
    client, found = server.client(), hashlib.sha256()
    try:
        body = client.get_object(Bucket=BUCKET, Key=f"out/{job_id}/files/{NAME}")["Body"]
        for piece in body.iter_chunks(BLOCK):
            found.update(piece)
    finally:
        client.close()
    return found.hexdigest()


def _memory_mb(pid: int, name: str) -> float:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"the kernel does not report {name}")


def tables(found: Record) -> str:
    """Return the table of the results."""
    rows = [
        [
            str(record["mb"]),
            f"{record['seconds']:.1f}",
            f"{record['mb'] / record['seconds']:.0f}",
            f"{record['rest_mb']:.0f}",
            f"{record['peak_mb']:.0f}",
        ]
        for record in found["records"]
    ]
    head = ("object MiB", "seconds", "MiB/s", "worker MB at rest", "worker MB at most")
    return results.table(head, rows)


def pictures(_found: Record) -> dict[str, str]:
    """Return no pictures."""
    return {}
