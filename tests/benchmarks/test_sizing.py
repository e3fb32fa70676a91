"""The page on sizing says what the results of the benchmarks say."""

import re

from benchmarks.deployment.sizing import PAGE, ROOT, costs, page


def test_the_page_is_what_the_results_give() -> None:
    """Renew it with: python -m benchmarks.deployment.sizing."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_cost_names_a_result_that_is_there() -> None:
    for one in costs().values():
        assert one.each_s > 0
        path = one.source.partition(":")[0]
        assert (ROOT / path).is_file()
        assert re.search(rf"`{re.escape(one.source)}`", page())
