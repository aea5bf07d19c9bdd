"""
The client in a real Firefox: the scenarios of Chromium that need no developer tools of its own.

WebKit is not run: no build of it can be driven here. It needs a Mac with Safari and `safaridriver`.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.test_browser import (
    test_a_connection_that_is_reset_again_and_again,
    test_a_gap_after_eviction_is_announced,
    test_a_machine_that_sleeps_sees_no_stall,
    test_a_proxy_that_buffers,
    test_a_proxy_that_cuts_what_is_idle,
    test_a_server_that_is_killed_and_comes_back_empty,
    test_a_stream_that_a_new_process_does_not_know_has_failed,
    test_a_web_page_of_another_origin_may_report_when_it_is_declared,
    test_duplicate_replay,
    test_rapid_reconnects,
    test_stall,
    test_two_streams_on_one_web_page_do_not_mix,
    test_two_tabs_share_one_stream,
)
from tests.integration.test_browser_origins import (
    test_a_feed_of_another_origin_is_resumed,
    test_a_relative_url_in_a_shared_worker,
    test_the_first_request_to_another_origin_needs_no_permission,
)
from tests.support.firefox import Firefox
from tests.support.npm import needs_package
from tests.support.programs import needs

pytestmark = [pytest.mark.slow, pytest.mark.long]

__all__ = [
    "test_a_connection_that_is_reset_again_and_again",
    "test_a_feed_of_another_origin_is_resumed",
    "test_a_gap_after_eviction_is_announced",
    "test_a_machine_that_sleeps_sees_no_stall",
    "test_a_proxy_that_buffers",
    "test_a_proxy_that_cuts_what_is_idle",
    "test_a_relative_url_in_a_shared_worker",
    "test_a_server_that_is_killed_and_comes_back_empty",
    "test_a_stream_that_a_new_process_does_not_know_has_failed",
    "test_a_web_page_of_another_origin_may_report_when_it_is_declared",
    "test_duplicate_replay",
    "test_rapid_reconnects",
    "test_stall",
    "test_the_first_request_to_another_origin_needs_no_permission",
    "test_two_streams_on_one_web_page_do_not_mix",
    "test_two_tabs_share_one_stream",
]


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    """Return the one Firefox of this file."""
    needs_package("puppeteer-core")
    browser = Firefox(needs("node"), needs("firefox-esr"))
    yield browser
    browser.close()


@pytest.fixture
def window(firefox: Firefox) -> Iterator[Any]:
    """Return a window with cookies, storage and connections of its own."""
    with firefox.window() as opened:
        yield opened
