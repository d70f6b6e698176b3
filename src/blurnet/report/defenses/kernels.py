"""Learned kernels and what they let through."""

from functools import partial

from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import DefenseRow
from blurnet.experiments.steps.values import EvaluateValues
from blurnet.filters import frequency_response
from blurnet.report.blocks import Heading, Paragraph, Part, Switch
from blurnet.report.defenses.words import name_of
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import kernel_sheet
from blurnet.report.run import Run
from blurnet.report.words import percent


def kernels(run: Run[Defenses, DefenseRow]) -> Switch:
    """Draw the learned kernels of each row's first network, and their frequency responses."""
    parts = []
    for row in run.results.rows:
        effects = row.kernels
        if effects is None:
            continue
        network, name = row.networks[0], name_of(row)
        found = run.read(network.evaluate, EvaluateValues)
        (weights,) = run.tensors(network.evaluate, found, "kernels")
        drawing = Drawing(
            f"Kernels of {name}",
            f"{name}: learned kernels above, their frequency responses below",
            partial(kernel_sheet, weights, frequency_response(weights)),
        )
        told = (
            f"Seed {network.seed}. Mean over the seeds: {percent(effects.low_pass_kernels)} of the "
            "kernels pass low frequencies better than high ones, mean low-pass share "
            f"{percent(effects.low_pass_share)} (50\u00a0%: all alike), spread of weights "
            f"{effects.spread:.2f}."
        )
        parts.append(Part({"Network": name}, (Heading(name), drawing, Paragraph(told, "caption"))))
    return Switch(("Network",), tuple(parts))
