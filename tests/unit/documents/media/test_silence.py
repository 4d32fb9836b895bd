"""Silences are read from ffmpeg's output."""

from secretary_documents.media.silence import Silence, SilenceLog


def test_silences_are_read_only_from_lines_of_silencedetect() -> None:
    log = SilenceLog()
    for line in (
        "[silencedetect @ 0x559f5714f900] silence_start: -0.01",
        "[silencedetect @ 0x559f5714f900] silence_end: 1.5 | silence_duration: 1.51",
        "    title           : [silencedetect @ 0x1] silence_start: 3",
        "[silencedetect @ 0x559f5714f900] silence_end: 4",
        "[silencedetect @ 0x559f5714f900] silence_start: nan",
        "[silencedetect @ 0x559f5714f900] silence_start: 10.0068",
        "[silencedetect @ 0x559f5714f900] silence_end: 12.0037 | silence_duration: 1.99",
        "[silencedetect @ 0x559f5714f900] silence_start: 20",
    ):
        log.take(line)
    assert log.silences == [Silence(0, 1.5), Silence(10.0068, 12.0037)]
