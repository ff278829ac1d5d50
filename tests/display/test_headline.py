from __future__ import annotations

from opslib.display import mime
from opslib.display.headline import Headline, Line


def line(**changes: object) -> Line:
    values = {"label": "CSAT <b>", "value": "84%", "change": "↑ 2 points", "signal": True}
    return Line(**(values | {"note": "goal ≥ 80%", "spark": (0.8, None, 0.84), "unit": "share"} | changes))


def test_a_headline_hands_a_page_its_lines_and_jupyterlab_a_list():
    bundle = Headline([line(), line(label="Created", spark=())], has_data=True)._repr_mimebundle_()
    first, second = bundle[mime.HEADLINE]["headlines"]
    assert bundle[mime.HEADLINE]["status"] == "ready"
    assert first["spark"] == [0.8, None, 0.84]
    assert first["spark_label"] == "CSAT <b>, last 3 weeks: lowest 80.0%, highest 84.0%, latest 84.0%"
    assert (second["spark"], second["spark_label"]) == ([], "")
    assert "CSAT &lt;b&gt;: <strong>84%</strong>" in bundle["text/html"]
    assert bundle["text/plain"].splitlines()[0] == "CSAT <b>: 84% ↑ 2 points goal ≥ 80%"


def test_a_week_without_data_says_that_there_is_nothing_to_report():
    bundle = Headline([], has_data=False)._repr_mimebundle_()
    assert bundle[mime.HEADLINE] == {"headlines": [], "status": "no_data", "verdict": "", "lead": ""}
    assert bundle["text/html"] == "<p>Nothing to report.</p>"
