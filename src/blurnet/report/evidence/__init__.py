"""The page of an evaluation, and of several side by side."""

from blurnet.report.evidence.comparison import compared as compared
from blurnet.report.evidence.comparison import comparison_sections as comparison_sections
from blurnet.report.evidence.comparison import measures as measures
from blurnet.report.evidence.page import page_of as page_of
from blurnet.report.evidence.sections import sections as sections
