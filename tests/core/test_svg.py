"""Parts of charts."""

from __future__ import annotations

import xml.etree.ElementTree as xml

import pytest

from edgectc.core import svg


def test_elements_are_escaped_and_rounded() -> None:
    assert svg.element("circle", class_="dot", cx=1.0, cy=2.25, stroke_width=0.04) == (
        '<circle class="dot" cx="1" cy="2.2" stroke-width="0"/>'
    )
    assert svg.text(0, 1, "a<b", fill='"') == '<text x="0" y="1" fill="&quot;">a&lt;b</text>'
    line = svg.polyline([(0, 1), (2.34, 3)], svg.tooltip("x & y"))
    assert line == '<polyline points="0.0,1.0 2.3,3.0"><title>x &amp; y</title></polyline>'


def test_a_drawing_is_xml() -> None:
    root = xml.fromstring(svg.drawing(20, 10, [svg.text(1, 2, "é")], aria_label="a > b"))
    assert root.attrib == {"viewBox": "0 0 20 10", "role": "img", "width": "20", "height": "10",
                           "aria-label": "a > b"}  # fmt: skip
    assert "width=" not in svg.drawing(20, 10, [], scales=True)


def test_axes_map_the_range() -> None:
    axis = svg.linear_axis([3.0, 1.0], 0, 100)
    assert (axis(1.0), axis(2.0), axis(3.0)) == (0, 50, 100)
    assert svg.linear_axis([0.0, 10.0], 0, 120, margin=0.1)(0.0) == pytest.approx(10)
    assert svg.linear_axis([5.0], 0, 100)(5.0) == 50
    axis = svg.log_axis([1.0, 10.0, 100.0], 0, 100)
    assert axis(10.0) - axis(1.0) == pytest.approx(axis(100.0) - axis(10.0))
    assert svg.log_ticks(0.9, 30) == [1, 2, 5, 10, 20]
    assert svg.log_ticks(3.3, 3.4) == [3.3]
