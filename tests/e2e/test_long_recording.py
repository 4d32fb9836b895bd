"""A recording of ten minutes through the whole system, with a connection that is cut."""

from __future__ import annotations

import io
import itertools
import subprocess
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import FakeProvider, Misbehaviour, Spoken

SENTENCES = (
    "Good morning, and welcome to the talk.",
    "Every accepted job is kept in the database.",
    "The message queue only says that there is work.",
    "A worker claims a job under a lease, and renews the lease while it works.",
    "If the worker dies, the lease ends, and another worker takes the job.",
    "The result is written once, and the webhook follows.",
    "Questions are welcome at the end.",
)
PAUSE_SEC = 0.6
TEN_MINUTES_SEC = 600.0
MP3_BYTES_PER_SEC = 4000


@dataclass
class Recording:
    """Spoken sentences, and the place of each in the recording."""

    sound: bytes
    sentences: list[Spoken]
    lengths: dict[int, float] = field(default_factory=dict)
    """The seconds of each piece, by its number."""

    def hear(self, name: str, sound: bytes) -> Sequence[Spoken]:
        """Return the sentences in a piece, with times from the beginning of the piece."""
        number = int(name.removeprefix("piece-").removesuffix(".mp3"))
        self.lengths[number] = len(sound) / MP3_BYTES_PER_SEC
        start = sum(self.lengths[earlier] for earlier in range(1, number))
        end = start + self.lengths[number]
        return [
            Spoken(max(one.start - start, 0.0), one.end - start, one.text)
            for one in self.sentences
            if start <= (one.start + one.end) / 2 < end
        ]


def record(seconds: float) -> Recording:
    """Let espeak-ng speak the sentences again and again, for *seconds*."""
    spoken = [_spoken(sentence) for sentence in SENTENCES]
    rate = spoken[0][1]
    out, sentences, at = io.BytesIO(), [], 0.0
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for text, (frames, _) in itertools.cycle(zip(SENTENCES, spoken, strict=True)):
            length = len(frames) / 2 / rate
            sentences.append(Spoken(at, at + length, text))
            silence = bytes(2 * int(PAUSE_SEC * rate))
            file.writeframes(frames + silence)
            at += length + len(silence) / 2 / rate
            if at >= seconds:
                return Recording(_closed(file, out), sentences)
    raise AssertionError("itertools.cycle never ends")


def _closed(file: wave.Wave_write, out: io.BytesIO) -> bytes:
    file.close()
    return out.getvalue()


def _spoken(text: str) -> tuple[bytes, int]:
    done = subprocess.run(["espeak-ng", "--stdout", text], capture_output=True, check=True)
    with wave.open(io.BytesIO(done.stdout)) as file:
        # espeak-ng cannot know the number of frames when it writes the head of a pipe.
        return file.readframes(2**28), file.getframerate()


def times_of(folder: Path, name: str, content: bytes) -> list[float]:
    """Return the start of each caption, as ffprobe reads the file."""
    (folder / name).write_bytes(content)
    wanted = ["-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    command = ["ffprobe", "-v", "error", *wanted, str(folder / name)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return [float(line.strip(",")) for line in done.stdout.split()]


def download(http: httpx.Client, job_id: str, name: str) -> bytes:
    answer = http.get(f"/api/jobs/{job_id}/files/{name}")
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.drill
def test_ten_minutes_become_words_and_captions_and_a_cut_connection_resumes(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    recording = record(TEN_MINUTES_SEC)
    (tmp_path / "talk.wav").write_bytes(recording.sound)
    with FakeProvider(speech=recording.hear) as provider:
        stack = start_stack(
            {
                "transcription.base_url": provider.base_url,
                "transcription.api_key": provider.key,
                "transcription.parallel": 1,
                "transcription.retry_sec": 0,
                "media.piece_minutes": 2,
                "generic_worker.poll_interval_sec": 0.2,
            }
        )
        provider.misbehave("transcribe", None, None, Misbehaviour.cut_off())
        with stack.client() as client:
            job_id = client.submit("media", {"filename": str(tmp_path / "talk.wav")})
            job = client.wait(job_id, timeout_sec=120)
            vtt, srt = (
                download(client.http, job_id, f"transcript.{kind}") for kind in ("vtt", "srt")
            )
        asked = [int(request.body["file"][0][6:-4]) for request in provider.requests]
    assert (job["status"], job["attempt"]) == ("completed", 2), job["error"]
    pieces = len(recording.lengths)
    assert pieces >= 5
    assert asked == [1, 2, 3, *range(3, pieces + 1)]

    results = job["results"]
    assert results["duration_sec"] == pytest.approx(TEN_MINUTES_SEC, abs=10)
    assert results["text"] == " ".join(one.text for one in recording.sentences)
    expected = [word.strip(".,") for one in recording.sentences for word in one.text.split()]
    assert [word["word"] for word in results["words"]] == expected
    starts = [segment["start"] for segment in results["segments"]]
    assert starts == pytest.approx([one.start for one in recording.sentences], abs=0.3)
    assert all(a["end"] <= b["start"] + 0.01 for a, b in itertools.pairwise(results["words"]))

    captions = times_of(tmp_path, "out.vtt", vtt)
    assert captions == times_of(tmp_path, "out.srt", srt)
    assert captions == sorted(captions)
    assert set(starts) <= set(captions), "each sentence begins a caption"
    assert provider.violations == []
