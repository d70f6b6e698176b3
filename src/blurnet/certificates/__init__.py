"""Certificates: which images no sticker of a family can turn wrong, by double masking."""
