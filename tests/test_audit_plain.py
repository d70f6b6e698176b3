"""The audit raises no false alarm on plainly trained networks, in an evaluation and beside it."""

import pytest
from audited import APGD, FORMULA, SEARCH, audited, mask, pasted, signs, suite, trained

from blurnet.evaluation import evaluate
from blurnet.evaluation.audit import CHECKS, audit, audit_again, audit_condition, weights_of


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_no_false_alarm(seed):
    given = audited(trained(seed), FORMULA, pasted(restarts=2), APGD, SEARCH, seed=seed)
    found = audit(given)
    assert [check.name for check in found] == list(CHECKS)
    assert not [check.sentence for check in found if check.verdict == "failed"]
    void = {check.name for check in found if check.verdict == "void"}
    assert void <= {"enough classes"}
    (condition,) = audit_condition(found)
    assert condition.passed


@pytest.fixture(scope="module")
def evidence():
    images, labels = signs(16, 500)
    images = (images * 255).round() / 255  # as photographs are
    return evaluate(trained(7), images, labels, mask(), suite=suite(), seed=7, certify=())


def test_an_evaluation_is_audited(evidence):
    assert [check.name for check in evidence.audit] == list(CHECKS)
    assert evidence.conditions[-1].name == "audit"
    assert evidence.conditions[-1].passed
    assert evidence.weights == weights_of(trained(7))


def test_the_same_seed_gives_the_same_audit(evidence):
    again = audit_again(evidence, trained(7))
    assert again.audit == evidence.audit
    assert again.conditions == evidence.conditions


def test_another_network_is_found_out(evidence):
    again = audit_again(evidence, trained(8))
    (failed,) = [check for check in again.audit if check.name == "same network"]
    assert failed.verdict == "failed"
    assert set(failed.strikes) == {found.attack.name for found in evidence.attacks}
    assert not again.passed
    assert [each.name for each in again.conditions].count("audit") == 1


def test_the_quick_suites_audit_is_quick():
    images, labels = signs(10, 500)
    quick = evaluate(trained(7), images, labels, mask(), suite="quick", certify=())
    names = [check.name for check in quick.audit]
    assert names == [name for name, check in CHECKS.items() if check.quick]
    assert len(names) < len(CHECKS)


def test_without_an_audit():
    images, labels = signs(10, 500)
    small = suite(pasted(2))
    found = evaluate(trained(7), images, labels, mask(), suite=small, audit=False, certify=())
    assert found.audit == ()
    assert "audit" not in {each.name for each in found.conditions}
