from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_common.errors import InvalidRequest
from secretary_common.runtime.clock import to_milliseconds

moments = st.datetimes(timezones=st.just(UTC)).map(to_milliseconds)


@given(moments, st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_cursor_is_parsed_into_its_parts(moment: datetime, job_id: str) -> None:
    assert parse_cursor(cursor_after(moment, job_id)) == (moment, job_id)


@given(st.text())
def test_any_other_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        moment, job_id = parse_cursor(text)
    except InvalidRequest:
        return
    assert moment.tzinfo is UTC
    assert job_id


@pytest.mark.parametrize("cursor", ["", "MQ", "MTo", "OmE", "MTph!"])
def test_almost_valid_cursors_are_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_cursor(cursor)
