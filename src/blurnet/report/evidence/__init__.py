"""The page of an evaluation, and what it is beside others."""

from blurnet.evaluation.evidence import Evidence
from blurnet.report.evidence.comparison import beside as beside
from blurnet.report.evidence.comparison import measures as measures
from blurnet.report.evidence.sections import sections as sections


def page_of(evidence: Evidence) -> str:
    """Give an evaluation's page: one HTML file that loads nothing."""
    from blurnet.report.figures.images import data_uri  # noqa: PLC0415
    from blurnet.report.page.page import render  # noqa: PLC0415 - it shows evidence among others

    downloads = {"evidence.json": data_uri("application/json", evidence.to_json().encode())}
    heading = f"Evidence on “{evidence.network}”"
    return render(evidence.network, heading, sections(evidence), downloads).decode()
