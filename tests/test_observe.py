import io
import json
import logging

import pytest
import sqlalchemy as sa
import structlog

from hub import __version__
from hub.connect.redaction import Redactor
from hub.observe import Metrics, configure_logging, hide_in_logs

log = structlog.get_logger("hub.example")


@pytest.fixture
def lines():
    """What was logged, a dictionary a line; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    configure_logging("info", "json", Redactor, output)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def text(lines):
    output = io.StringIO()
    configure_logging("debug", "text", Redactor, output)
    return output.getvalue


def test_a_line_says_what_when_and_where_with_the_ids_bound_around_it(lines):
    with structlog.contextvars.bound_contextvars(run_id="run_1", event_id="evt_1"):
        log.info("step_ended", step="pay", attempts=2)
    log.info("hub_started")
    first, second = lines()
    assert first.pop("time").endswith("Z")
    assert first == {
        "message": "step_ended",
        "level": "info",
        "logger": "hub.example",
        "run_id": "run_1",
        "event_id": "evt_1",
        "step": "pay",
        "attempts": 2,
    }
    assert "run_id" not in second


def test_other_libraries_speak_in_the_same_form_and_with_the_same_ids(lines):
    with structlog.contextvars.bound_contextvars(run_id="run_1"):
        logging.getLogger("some.library").warning("%s of %s", 1, 2, extra={"host": "crm"})
    (line,) = lines()
    assert (line["message"], line["level"], line["logger"]) == ("1 of 2", "warning", "some.library")
    assert (line["run_id"], line["host"]) == ("run_1", "crm")


def test_what_is_below_the_level_is_not_logged_and_chatter_only_from_warnings_on(lines):
    log.debug("detail")
    logging.getLogger("apscheduler.scheduler").info("running a job")
    logging.getLogger("apscheduler.scheduler").warning("a job was missed")
    assert [line["message"] for line in lines()] == ["a job was missed"]


class Answer:
    def __str__(self):
        return "the token is sesame-open"


@pytest.mark.parametrize(
    "facts",
    [
        {"reason": "refused: sesame-open"},
        {"answer": {"headers": [{"x": "sesame-open"}]}},
        {"answer": Answer()},
        {"answers": (Answer(),)},
        {"url": "https://crm.example/?key=sesame-open"},
    ],
)
@pytest.mark.parametrize("layout", ["json", "text"])
def test_a_known_secret_never_shows_wherever_it_stands(lines, layout, facts):
    output = io.StringIO()
    configure_logging("info", layout, Redactor, output)
    hide_in_logs("sesame-open")
    log.warning("call_failed", **facts)
    logging.getLogger("some.library").warning("failed: %s", facts)
    assert "call_failed" in output.getvalue()
    assert "sesame" not in output.getvalue()


@pytest.mark.parametrize("layout", ["json", "text"])
def test_a_traceback_shows_neither_known_secrets_nor_local_variables(lines, layout):
    output = io.StringIO()
    configure_logging("info", layout, Redactor, output)
    hide_in_logs("sesame-open")
    password = "never-registered"
    try:
        raise ValueError("unlatched: sesame-open" + password[:0])
    except ValueError:
        log.exception("call_broke")
    assert "ValueError: unlatched: " in output.getvalue()
    assert "sesame" not in output.getvalue()
    assert password not in output.getvalue()


def test_what_stands_under_a_secrets_name_and_card_numbers_are_masked(lines):
    log.info("odd", password="hunter", card="4242 4242 4242 4242")
    (line,) = lines()
    assert line["password"] == "[hidden]"
    assert "4242 4242" not in line["card"]


def test_a_secret_known_before_logging_was_set_up_is_masked_too(lines):
    hide_in_logs("early-bird-secret")
    output = io.StringIO()
    configure_logging("info", "json", Redactor, output)
    log.info("x", found="early-bird-secret")
    assert "early-bird" not in output.getvalue()


def test_text_for_people_has_no_colours_in_a_file_and_keeps_a_value_on_its_line(text):
    log.info("delivery_refused", reason="forged\nlevel=info all is well")
    assert "\x1b" not in text()
    assert len(text().splitlines()) == 1


def test_metrics_are_written_as_prometheus_reads_them():
    metrics = Metrics()
    metrics.events_accepted.labels("stripe-main").inc()
    metrics.refusals.labels("stripe-main", "bad_signature").inc(2)
    metrics.action_seconds.labels("crm", "upsert").observe(0.2)
    waiting = [1, 2, 3]
    metrics.watch_queue("writer", lambda: len(waiting))
    waiting.append(4)
    page = metrics.render().decode()
    assert 'hub_events_accepted_total{connection="stripe-main"} 1.0' in page
    assert 'hub_refusals_total{connection="stripe-main",reason="bad_signature"} 2.0' in page
    assert 'hub_action_seconds_bucket{action="upsert",connection="crm",le="0.25"} 1.0' in page
    assert 'hub_queue_depth{queue="writer"} 4.0' in page
    assert f'hub_info{{version="{__version__}"}} 1.0' in page
    assert "process_resident_memory_bytes" in page


def test_two_hubs_in_one_process_count_apart():
    first, second = Metrics(), Metrics()
    first.events_accepted.labels("a").inc()
    assert 'connection="a"' not in second.render().decode()


def test_the_rows_of_the_database_are_in_no_log_however_talkative(lines, tmp_path):
    output = io.StringIO()
    configure_logging("debug", "json", Redactor, output)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT :person"), {"person": "planted.person@example.org"}).all()
    engine.dispose()
    assert "planted.person" not in output.getvalue()
