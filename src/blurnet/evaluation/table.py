"""Evidence as lines of plain text."""

from collections.abc import Sequence

from .evidence import AuditCheck, Evidence
from .metrics import Rate


def table_of(evidence: Evidence) -> str:
    """Say what was found, for a terminal or a notebook."""
    rows = [
        ("", "", "95 % interval"),
        ("accuracy", *_said(evidence.accuracy)),
        (f"ceiling ({evidence.ceiling.best})", *_said(evidence.ceiling.accuracy)),
        ("control (random colours)", *_said(evidence.control.success)),
    ]
    if evidence.control.strongest is not None:
        name = f"  strongest ({evidence.control.strongest_by})"
        rows.append((name, *_said(evidence.control.strongest)))
    for found in evidence.attacks:
        why = evidence.struck(found.attack.name)
        rows.append((found.attack.name, *_said(found.success, why)))
        if len(found.targets) > 1:
            worst = max(found.targets, key=lambda each: each.success.value)
            called = "" if worst.target is None else f" ({evidence.classes[worst.target]})"
            rows.append((f"  worst target{called}", *_said(found.worst, why)))
            rows.append(("  any target", *_said(found.any_target, why)))
    struck = [check for each in evidence.attacks for check in evidence.struck(each.attack.name)]
    all_struck = all(evidence.struck(each.attack.name) for each in evidence.attacks)
    all_of_them = struck if all_struck else []
    rows.append(("worst case over attacks", *_said(evidence.worst.success, all_of_them)))
    rows.append(("robust accuracy, at least (nothing is certified)", "0.0 %", ""))
    rows.append(("robust accuracy, at most", *_said(evidence.worst.accuracy, all_of_them)))
    for each in evidence.certificates:
        rows.append((f"with masking, against {each.family}", "", ""))
        rows.append(("  accuracy", *_said(each.accuracy)))
        rows.append(("  robust accuracy, at least (certified)", *_said(each.rate)))
        if each.attacked is not None:
            rows.append(("  robust accuracy, at most (attacked)", *_said(each.attacked)))
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    heading = (
        f"{evidence.network}: {len(evidence.labels)} images, a mask of {evidence.mask_pixels} "
        f"pixels ({100 * evidence.mask_share:.1f} %), suite {evidence.suite.name}"
    )
    lines = [heading, *([evidence.suite.describes] if evidence.suite.describes else []), ""]
    lines += [
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {interval:>{widths[2]}}".rstrip()
        for name, value, interval in rows
    ]
    lines += [""]
    lines += [
        f"{'holds' if each.passed else 'FAILS'}  {each.name}: {each.sentence}"
        for each in evidence.conditions
    ]
    for check in evidence.audit:
        if check.verdict == "failed":
            through = f" Strikes through: {', '.join(check.strikes)}." if check.strikes else ""
            harder = f" Stronger: {check.stronger}." if check.stronger else ""
            lines.append(f"  audit, {check.name}: {check.sentence}{through}{harder}")
    if struck:
        lines.append("~struck through~: not to be quoted, a failed check says why")
    return "\n".join(lines)


def _said(rate: Rate, struck: Sequence[AuditCheck] = ()) -> tuple[str, str]:
    value = f"{100 * rate.value:.1f} %"
    return f"~{value}~" if struck else value, f"{100 * rate.low:.1f}–{100 * rate.high:.1f}"
