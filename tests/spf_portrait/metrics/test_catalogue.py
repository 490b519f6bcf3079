from spf_portrait.metrics.catalogue import CATALOGUE, REQUIREMENTS


def test_what_a_metric_needs_can_be_looked_up() -> None:
    assert {metric.needs for metric in CATALOGUE if metric.needs} == REQUIREMENTS.keys()


def test_names_and_titles_are_unique() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len({metric.title for metric in CATALOGUE}) == len(CATALOGUE)
