"""The page of an evaluation, from its evidence alone."""

from blurnet.evaluation.evidence import Evidence
from blurnet.report.evidence.sections import sections
from blurnet.report.figures.images import data_uri
from blurnet.report.page.page import render

EVIDENCE = "evidence.json"


def page_of(evidence: Evidence) -> str:
    """Give an evaluation's page: one HTML file that loads nothing."""
    downloads = {EVIDENCE: data_uri("application/json", evidence.to_json().encode())}
    heading = f"Evidence: {evidence.network}"
    return render(evidence.network, heading, sections(evidence), downloads).decode()
