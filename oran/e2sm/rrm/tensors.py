"""Numpy arrays to and from the Tensor message: no Python loop."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oran._generated import e2sm_rrm_pb2 as pb
from oran.e2ap.messages import CauseRicRequest
from oran.e2sm.rrm import plain
from oran.errors import DecodeError, LocalProtocolError

_DTYPES: dict[int, np.dtype] = {
    pb.Tensor.FLOAT32: np.dtype("<f4"),
    pb.Tensor.FLOAT64: np.dtype("<f8"),
    pb.Tensor.INT16: np.dtype("<i2"),
    pb.Tensor.INT32: np.dtype("<i4"),
    pb.Tensor.INT64: np.dtype("<i8"),
    pb.Tensor.UINT8: np.dtype("u1"),
}
_TENSOR = plain.plain_of(pb.Tensor.DESCRIPTOR)
_CODES = {dtype.str: code for code, dtype in _DTYPES.items()}

MAX_ELEMENTS = 1 << 22
"""Largest tensor accepted from a peer: 4 Mi elements (64 UEs x 19 RUs x 273 PRBs is 0.33 Mi)."""


def malformed(text: str) -> DecodeError:
    """The error of every E2SM-RRM decoder: the control or action content cannot be understood."""
    return DecodeError(f"E2SM-RRM: {text}", CauseRicRequest.CONTROL_MESSAGE_INVALID)


def encoded(values: ArrayLike, dtype: str, *, scale: float = 0.0) -> bytes:
    """Octets of a Tensor of ``values`` as ``dtype`` ('<f4', '<i2', …); with ``scale`` it holds rint(values / scale).

    Raises:
        LocalProtocolError: values that the type cannot hold.
    """
    array = np.asarray(values)
    if scale:
        array = np.rint(array / scale)
    target = np.dtype(dtype)
    if target.kind in "iu" and array.dtype != target and array.size:
        limits = np.iinfo(target)
        if not np.isfinite(array).all() or array.min() < limits.min or array.max() > limits.max:
            raise LocalProtocolError(f"values out of the range of {target.name}")
    octets = np.ascontiguousarray(array, dtype=target).tobytes()
    return plain.write(_TENSOR, dtype=_CODES[target.str], shape=array.shape, data=octets, scale=scale)


def get(message: pb.Tensor, rank: int, dtype: type = np.float64) -> NDArray:
    """The array of ``message``, checked to have ``rank`` axes, as ``dtype`` with its scale and offset applied.

    Raises:
        DecodeError: unknown type, wrong rank, or a length that does not match the shape.
    """
    source = _DTYPES.get(message.dtype)
    shape, octets = tuple(message.shape), message.data
    if source is None or len(shape) != rank:
        raise malformed(f"tensor of type {message.dtype} and rank {len(shape)} where rank {rank} is due")
    count = math.prod(shape)
    if count > MAX_ELEMENTS or len(octets) != count * source.itemsize:
        raise malformed(f"tensor of shape {shape} with {len(octets)} bytes")
    raw = np.frombuffer(octets, dtype=source).reshape(shape)
    target = np.dtype(dtype)
    if target.kind == "i":
        return _integers(raw, message, target)
    if message.scale or message.offset:
        return _scaled(raw, message).astype(dtype, copy=False)
    return raw.astype(dtype)


def _scaled(raw: NDArray, message: pb.Tensor) -> NDArray:
    try:
        with np.errstate(over="raise", invalid="raise"):
            return raw * (message.scale or 1.0) + message.offset
    except FloatingPointError as error:
        raise malformed(f"tensor with scale {message.scale} and offset {message.offset}: {error}") from error


def _integers(raw: NDArray, message: pb.Tensor, target: np.dtype) -> NDArray:
    """Identifiers and indices must arrive as integers that fit: a silent wrap would name somebody else."""
    if raw.dtype.kind not in "iu" or message.scale or message.offset:
        raise malformed(f"integers sent as {raw.dtype} with scale {message.scale}")
    if raw.dtype != target and raw.size:  # of their own type they fit
        limits = np.iinfo(target)
        if raw.min() < limits.min or raw.max() > limits.max:
            raise malformed(f"integers beyond {target}")
    return raw.astype(target)
