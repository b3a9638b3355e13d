"""What all properties share."""

import faulthandler

import pytest


@pytest.fixture(autouse=True)
def time_to_shrink():
    """Making a finding small takes minutes; a dump of the threads meanwhile may crash, and lose the finding."""
    faulthandler.cancel_dump_traceback_later()
