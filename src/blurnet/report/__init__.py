"""Tables, figures and the page; made from records, never from models."""

from .console import print_table as print_table
from .page import write_page as write_page
from .reports import write_report as write_report
