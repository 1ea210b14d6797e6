"""Tells `stint test` what happens in a run of pytest, and gives hypothesis a profile for machines that are busy.

`stint test` loads it by PYTEST_ADDOPTS, with what it is to do in STINT_PYTEST. It takes itself out of the environment, so that tests find
theirs as it was, and changes nothing in how pytest runs. Workers of pytest-xdist, which read the environment too, have it for the profile only.
"""
import json
import os
import re
import time

import pytest

_MISSING_FIXTURE = re.compile(r"fixture '([^']+)' not found")
_ASYNC = "async def function"


def _take_over():
    """What to do; nothing where this process was not started by `stint` or a worker of such a one."""
    settings = json.loads(os.environ.get("STINT_PYTEST", "{}"))
    main = "ids" in settings or settings.get("pid") == os.getpid()
    if main and settings.get("workers"):
        return settings, main  # they read it
    os.environ.pop("STINT_PYTEST", None)
    for name, value in settings.get("environment", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return settings, main


_settings, _is_main = _take_over()


class _Teller:
    def __init__(self, fd):
        os.set_inheritable(fd, False)
        self._fd = fd

    def tell(self, what, **more):
        if self._fd is None:
            return
        line = json.dumps({"what": what, "at": time.time(), **more}) + "\n"
        try:
            os.write(self._fd, line.encode())
        except OSError:  # nobody listens any more, or a test has closed it
            self._fd = None


def _reason(report, text):
    """What is said of a test that did not pass, in a few lines."""
    if report.outcome == "passed":
        return None
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash is not None else text).strip()[:400]


class _Reporter:
    """In the controller, or in the one process that there is."""

    def __init__(self, config, teller):
        self._config = config
        self._teller = teller

    def pytest_collection_finish(self, session):
        self._teller.tell("collected", count=len(session.items))

    def pytest_collectreport(self, report):
        if report.failed:
            self._teller.tell("broken", id=report.nodeid, text=str(report.longrepr)[-2000:])

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        text = "" if report.longrepr is None else str(report.longrepr)
        node = getattr(report, "node", None)
        missing = _MISSING_FIXTURE.search(text) if report.outcome != "passed" else None
        path, line = report.location[:2]
        self._teller.tell(
            "test",
            id=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            seconds=round(report.duration, 4),
            worker=None if node is None else node.gateway.id,
            location=[path, line],
            reason=_reason(report, text),
            missing=missing and missing.group(1),
            unawaited=report.outcome != "passed" and _ASYNC in text,
        )

    def pytest_sessionfinish(self, session, exitstatus):
        self._teller.tell("finished", status=int(exitstatus))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node):
        self._teller.tell("worker", worker=node.gateway.id, up=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        self._teller.tell("worker", worker=node.gateway.id, up=False)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self._teller.tell("collected", count=len(ids))


class _Lister:
    """For `stint deselect`: writes down which tests there are."""

    def __init__(self, path):
        self._path = path

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        with open(self._path, "w", encoding="utf-8") as file:
            json.dump([item.nodeid for item in session.items], file)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if _is_main:
        own = _Lister(_settings["ids"]) if "ids" in _settings else _Reporter(config, _Teller(_settings["fd"]))
        config.pluginmanager.register(own, "stint_reporter")
    # An own choice of profile goes before; without the plugin there is no such option.
    if _settings.get("hypothesis") and not config.getoption("hypothesis_profile", default=None):
        _load_profile()


def _load_profile():
    try:
        import hypothesis
    except ImportError:
        return
    checks = [check for check in hypothesis.HealthCheck if check.name not in ("return_value", "not_a_test_method")]
    hypothesis.settings.register_profile("stint", deadline=None, suppress_health_check=checks)
    hypothesis.settings.load_profile("stint")
