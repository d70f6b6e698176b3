"""A user's own network, named on a command line. Naming one runs its code."""

import importlib
import importlib.util
import inspect
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.data.tensors import read_safetensors
from blurnet.devices import chosen_device
from blurnet.errors import BlurnetError
from blurnet.files import check_file
from blurnet.models.archives import check_archive, check_sizes, checked_program, tensors_alone
from blurnet.models.builders import MODELS
from blurnet.models.classifier import Classifier, Values, network_of
from blurnet.models.exported import as_module
from blurnet.models.inputs import one_line
from blurnet.models.weights import filters_in, labels_in, load_weights

PROGRAM = ".pt2"
"""How the name of a file that ``torch.export.save`` wrote ends."""


def import_model(
    spec: str,
    *,
    weights: Path | None = None,
    classes: Sequence[str] | None = None,
    mean: Values = None,
    std: Values = None,
    size: int | Sequence[int] | None = None,
    seed: int = 0,
) -> Classifier:
    """Make or read the network that ``spec`` names.

    Args:
        spec: a key of ``MODELS``; ``package.module:callable``; ``path/file.py:callable``; or the
            path of a program saved by ``torch.export.save``, which ends in ``.pt2`` and is opened
            if it holds tensors and tensor operators alone. The callable gives an ``nn.Module``; it
            is called with nothing, or with the number of classes if it needs one argument or has
            one called ``num_classes``. The code that it names is run.
        weights: its weights: safetensors, or a ``.pt`` or ``.pth`` that holds tensors alone.
        classes: the names of its logits, in order; None: those that the weights' file names.
        mean: as for ``Classifier``, as are ``std`` and ``size``.
        std: see there.
        size: see there.
        seed: where freshly drawn weights are drawn from.

    Returns:
        The network, in evaluation mode, on the chosen device (the CPU, unless ``--device`` or
        ``blurnet.devices.choose_device`` says otherwise).

    Raises:
        BlurnetError: if there is no such thing, or it gives no network, or the weights are not its;
            or if they are those of a hardened network, which ``load`` reads.

    """
    state: dict[str, Tensor] = {}
    if weights is not None:
        state, metadata = read_weights(weights)
        if filters_in(metadata):
            raise BlurnetError(
                f"{weights}: these weights are of a hardened network, filters and all; give the "
                "file itself as the model, or call blurnet.load(path, model=…)"
            )
        classes = labels_in(metadata) if classes is None else classes
    made = build_named(spec, None if classes is None else len(classes), seed=seed)
    inner = made if isinstance(made, Classifier) else Classifier(made)
    if weights is not None:
        load_weights(network_of(inner), state, weights)
    return (
        Classifier(
            inner.model,
            mean=inner.mean if mean is None else mean,
            std=inner.std if std is None else std,
            logits=inner.logits,
            classes=inner.classes if classes is None else classes,
            size=inner.size if size is None else size,
        )
        .eval()
        .to(chosen_device())
    )


def build_named(spec: str, classes: int | None, *, seed: int = 0) -> nn.Module:
    """Make or read the network that ``spec`` names, as it names it.

    Args:
        spec: as for ``import_model``.
        classes: the number of logits, if it is known.
        seed: where its weights are drawn from. The process's own generator is left as it was.

    Raises:
        BlurnetError: as ``import_model``.

    """
    if spec.endswith(PROGRAM):
        return _program(Path(spec))
    where, colon, name = spec.rpartition(":")
    if spec not in MODELS and not (where and colon and name):
        raise BlurnetError(
            f"no model {spec!r}; there are: {', '.join(sorted(MODELS))}; your own is written "
            f"package.module:callable or file.py:callable, an exported program file{PROGRAM}"
        )
    if spec in MODELS:
        return built(MODELS[spec], classes, seed=seed, what=spec)
    folder = str(Path(where).resolve().parent) if where.endswith(".py") else str(Path.cwd())
    with _importing_from(folder):
        module = _file(Path(where)) if where.endswith(".py") else _module(where)
        value: Any = module
        for part in name.split("."):
            if not hasattr(value, part):
                own = [key for key, each in vars(module).items() if _could_build(each, module)]
                there = f"; there are: {', '.join(own)}" if own else ""
                raise BlurnetError(f"{spec}: no {name!r} in it{there}")
            value = getattr(value, part)
        return built(value, classes, seed=seed, what=spec)


def built(value: Any, classes: int | None, *, seed: int, what: str) -> nn.Module:
    """Give the network that a callable builds; a network itself, as it is.

    Args:
        value: a callable without arguments, or of the number of classes; or a network.
        classes: the number of logits, if it is known.
        seed: where its weights are drawn from.
        what: what it is called, for the error's text.

    Raises:
        BlurnetError: if it needs something else, raises an error, or gives no network.

    """
    if isinstance(value, nn.Module) and not inspect.isclass(value):
        return value
    if not callable(value):
        raise BlurnetError(f"{what}: a {type(value).__name__}, not a function or class")
    arguments = _arguments(value, classes, what)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = value(**arguments) if isinstance(arguments, dict) else value(*arguments)
    except BlurnetError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {one_line(error)}"
        raise BlurnetError(f"{what}: it raised {said}") from error
    try:
        return as_module(made)
    except BlurnetError as error:
        raise BlurnetError(f"{what}: {error}") from None


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read weights from safetensors, or from a ``.pt`` or ``.pth`` that holds tensors alone.

    What training loops wrap around them is taken off: ``{"state_dict": …}``, and the "module." and
    "_orig_mod." that ``DataParallel`` and ``torch.compile`` put before names.

    Returns:
        The tensors by name, and a safetensors file's metadata.

    Raises:
        BlurnetError: if the file is missing, or is something else; a pickle of code is not opened.

    """
    if path.suffix not in {".pt", ".pth", ".bin", ".ckpt"}:
        return read_safetensors(path)
    check_file(path)
    check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise BlurnetError(
            f"{path}: it holds more than tensors, which could run any code and is not opened; save "
            "it with torch.save(model.state_dict(), path)"
        ) from None
    except Exception as error:  # a broken pickle makes PyTorch raise what it likes
        raise BlurnetError(f"{path}: cannot be read: {one_line(error)}") from None
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not any(isinstance(t, Tensor) for t in content.values()):
        raise BlurnetError(f"{path}: no state_dict in it; it holds a {type(content).__name__}")
    weights = {str(name): t for name, t in content.items() if isinstance(t, Tensor)}
    check_sizes(path, weights.values())
    for wrapped in ("module.", "_orig_mod."):
        if all(name.startswith(wrapped) for name in weights):
            weights = {name.removeprefix(wrapped): t for name, t in weights.items()}
    return weights, {}


def _program(path: Path) -> nn.Module:
    if not path.is_file():
        raise BlurnetError(f"{path}: no such file")
    packed = checked_program(path)
    try:
        with tensors_alone():
            program = torch.export.load(packed)
        check_sizes(path, program.state_dict.values())
        check_sizes(path, (each for each in program.constants.values() if isinstance(each, Tensor)))
        return as_module(program)
    except BlurnetError:
        raise
    except Exception as error:
        raise BlurnetError(f"{path}: not an exported program: {one_line(error)}") from error


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise BlurnetError(f"{path}: no such file")
    name = f"_blurnet_{path.stem}_{abs(hash(path.resolve())):x}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    with _errors_of(str(path)):
        found.loader.exec_module(module)
    return module


def _module(name: str) -> ModuleType:
    try:
        known = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        known = None
    if known is None:
        raise BlurnetError(
            f"no module {name!r}: it is looked for here and among the installed packages; "
            "a file is written file.py:callable"
        )
    with _errors_of(name):
        return importlib.import_module(name)


@contextmanager
def _errors_of(what: str) -> Iterator[None]:
    try:
        yield
    except BlurnetError:
        raise
    except Exception as error:
        raise BlurnetError(
            f"{what}: importing it raised {type(error).__name__}: {one_line(error)}"
        ) from error


@contextmanager
def _importing_from(folder: str) -> Iterator[None]:
    """Have modules beside the user's own found first, as Python does for a script."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _arguments(
    build: Callable[..., Any], classes: int | None, what: str
) -> dict[str, int] | tuple[int, ...]:
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):
        return ()
    named = any(parameter.name == "num_classes" for parameter in parameters)
    needed = [
        each
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(needed) > 1:
        names = ", ".join(each.name for each in needed)
        raise BlurnetError(
            f"{what}: it needs {names}; give a function that needs nothing, or the number of "
            "classes alone"
        )
    if needed and classes is None:
        raise BlurnetError(
            f"{what}: it needs {needed[0].name}, the number of classes: name them, classes= "
            "(--classes stop,yield,…)"
        )
    if named and classes is not None:
        return {"num_classes": classes}
    if not needed or classes is None:
        return ()
    return {needed[0].name: classes} if needed[0].kind is needed[0].KEYWORD_ONLY else (classes,)


def _could_build(value: Any, module: ModuleType) -> bool:
    if getattr(value, "__module__", None) != module.__name__:
        return False
    return inspect.isfunction(value) or (inspect.isclass(value) and issubclass(value, nn.Module))
