"""PromQL by meaning, so that boards, rules and alerts cannot disagree about a figure."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW = "$__rate_interval"
ALERT_WINDOW = "5m"


def matching(**labels: str) -> str:
    """Matchers in braces: exact by default, a pattern where the value holds a variable or a wildcard."""
    parts = [f'{name}{"=~" if set("$*|") & set(value) else "="}"{value}"' for name, value in labels.items() if value]
    return "{" + ",".join(parts) + "}" if parts else ""


def per_second(counter: str, where: str = "", by: Sequence[str] = (), window: str = WINDOW) -> str:
    """Rate of a counter, summed but for ``by``."""
    return f"sum{_by(by)}(rate({counter}{where}[{window}]))"


def quiet(expression: str) -> str:
    """Zero where nothing has happened yet: a counter without its first event has no series."""
    return f"({expression}) or on() vector(0)"


def ratio(part: str, whole: str) -> str:
    """Part of a whole; nothing where the whole is zero."""
    return f"{part} / ({whole} > 0)"


def quantile(share: float, histogram: str, where: str = "", by: Sequence[str] = (), window: str = WINDOW) -> str:
    """A quantile of a histogram over the window."""
    return f"histogram_quantile({share:g}, sum{_by([*by, 'le'])}(rate({histogram}_bucket{where}[{window}])))"


def late_share(where: str = "", by: Sequence[str] = (), window: str = WINDOW) -> str:
    """Share of an xApp's decisions that came past their deadline."""
    late = per_second("ricxapp_decisions_late_total", where, by, window)
    sent = per_second("ricxapp_controls_sent_total", where, by, window)
    return f"({ratio(late, sent)} or 0 * {sent})"


def refused_share(where: str = "", by: Sequence[str] = (), window: str = WINDOW) -> str:
    """Share of an xApp's controls that the node refused."""
    refused = per_second("ricxapp_controls_refused_total", where, by, window)
    sent = per_second("ricxapp_controls_sent_total", where, by, window)
    return f"({ratio(refused, sent)} or 0 * {sent})"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
