"""The page of an evaluation, and of several side by side."""

from blurnet.report.evidence.page import page_of as page_of
from blurnet.report.evidence.page import write_pages as write_pages
from blurnet.report.evidence.sections import sections as sections
