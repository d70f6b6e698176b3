"""Certificates: which images no sticker of a family can turn wrong, by double masking."""

from blurnet.certificates.double_masking import Certificate as Certificate
from blurnet.certificates.double_masking import certify as certify
from blurnet.certificates.families import FAMILIES as FAMILIES
from blurnet.certificates.families import Area as Area
from blurnet.certificates.families import Family as Family
from blurnet.certificates.families import Rectangle as Rectangle
from blurnet.certificates.families import ShiftedMask as ShiftedMask
from blurnet.certificates.families import Square as Square
from blurnet.certificates.families import TwoSquares as TwoSquares
from blurnet.certificates.families import family_from_json as family_from_json
from blurnet.certificates.families import family_of as family_of
from blurnet.certificates.families import family_to_json as family_to_json
from blurnet.certificates.masked import MaskedNetwork as MaskedNetwork
from blurnet.certificates.masked import decision as decision
from blurnet.certificates.masked import majority as majority
from blurnet.certificates.masked import masked as masked
