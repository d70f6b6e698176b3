"""Tables, figures and the page; made from records, never from models."""

from blurnet.report.console import print_table as print_table
from blurnet.report.page.page import write_page as write_page
from blurnet.report.page.reports import write_report as write_report
