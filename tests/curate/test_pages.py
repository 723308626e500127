"""Tables of pages: numbers stand under the names of their columns, with decimals that line up."""

from __future__ import annotations

import pytest

from eocene.curate.pages import format_value, write_table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.7, "0.700"),
        (0.0, "0.000"),
        (-0.12345, "-0.123"),
        (12.345, "12.35"),
        (1234.5, "1,234"),
        (0.00012, "1.20e-04"),
        (1916, "1,916"),
        ("–", "–"),
        (float("nan"), "nan"),
    ],
)
def test_a_value_is_shown_with_four_digits_and_no_more_than_three_decimals(value, shown):
    assert format_value(value) == shown


def test_columns_of_numbers_and_their_names_stand_to_the_right():
    table = write_table(("class", "F1", "note"), [("a<b", "–", ""), ("c", 0.5, "x")])
    assert "<th>class</th><th class=n>F1</th><th>note</th>" in table
    assert "<td>a&lt;b</td><td class=n>–</td><td></td>" in table
    assert "<td class=n>0.500</td>" in table
    assert write_table(("a", "b"), []).count("<th>") == 2
